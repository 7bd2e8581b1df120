package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"

	"github.com/labstack/echo/v4"

	"redrive/api-service/internal/authn"
	"redrive/pkg/webhook"
)

// consolePath is the path of the console. Its pages are below it.
const consolePath = webhook.ConsoleRoot

// Console is what the console's pages use of the API in the same process.
type Console struct {
	echo          *echo.Echo
	authenticator *authn.Authenticator
	limits        limiter
	log           *slog.Logger
}

// identityKey and addressKey are keys of the context of a request that the console makes or passes on.
type (
	identityKey struct{}
	addressKey  struct{}
)

// ServeAs serves a request of the API under an identity that the console has found for its session. The request is neither logged nor counted
// nor limited by itself: the request of the page is.
func (s Console) ServeAs(identity webhook.Identity, w http.ResponseWriter, r *http.Request) {
	s.echo.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), identityKey{}, identity)))
}

// Authenticate finds an API key for signing in.
func (s Console) Authenticate(ctx context.Context, rawKey string) (webhook.Identity, error) {
	return s.authenticator.Authenticate(ctx, rawKey)
}

// Organization finds an organization for the operator.
func (s Console) Organization(ctx context.Context, id string) (webhook.Organization, error) {
	return s.authenticator.Organization(ctx, id)
}

// WrongCredentials counts a wrong key, password or link against the limit of the address that the request came from. It returns an error beyond
// the limit.
func (s Console) WrongCredentials(r *http.Request) error {
	return s.limits.wrongCredentials(addressOf(r))
}

// UnknownSession counts a session that does not exist, as a request without a valid key.
func (s Console) UnknownSession(r *http.Request) error {
	return s.limits.unauthenticatedRequest(addressOf(r))
}

// Audit logs who began or ended a session, or began to act for an organization, or was refused.
func (s Console) Audit(r *http.Request, actor, action, subject, organizationID string) {
	made := change{action, subject, origin{actor, r.Header.Get(echo.HeaderXRequestID), addressOf(r)}}
	logChange(r.Context(), s.log, made, organizationID)
}

// addressOf returns the client address of a request for a page.
func addressOf(r *http.Request) netip.Addr {
	address, _ := r.Context().Value(addressKey{}).(netip.Addr)
	return address
}

// insideIdentity returns the identity of a request that the console makes.
func insideIdentity(r *http.Request) (webhook.Identity, bool) {
	identity, ok := r.Context().Value(identityKey{}).(webhook.Identity)
	return identity, ok
}

// consolePages serves the pages. They find their session themselves. Their time is not that of one statement: each request that a page makes of
// the API has its own.
func consolePages(pages http.Handler) echo.HandlerFunc {
	return func(c echo.Context) error {
		ctx := context.WithValue(untimed(c), addressKey{}, client(c))
		request := c.Request().WithContext(ctx)
		request.Header.Set(echo.HeaderXRequestID, requestIDOf(c))
		pages.ServeHTTP(c.Response(), request)
		return nil
	}
}

// unobserved serves a request that the console makes. An answer that failed after its first byte stays incomplete, and the page does not decode
// it.
func unobserved(next echo.HandlerFunc, c echo.Context) error {
	err := recovered(next, c)
	if err != nil && !c.Response().Committed {
		c.Error(err)
	}
	return nil
}
