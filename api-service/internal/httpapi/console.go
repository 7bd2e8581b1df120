package httpapi

import (
	"context"
	"net/http"
	"net/netip"

	"github.com/labstack/echo/v4"

	"redrive/api-service/internal/authn"
	"redrive/pkg/webhook"
)

// consolePath is the path of the console. Its pages are below it.
const consolePath = "/console"

// Console is what the console's pages use of the API in the same process.
type Console struct {
	echo          *echo.Echo
	authenticator *authn.Authenticator
	limits        limiter
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

// WrongCredentials counts a wrong key, password, link or session against the limit of the address that the request came from. It returns an
// error beyond the limit.
func (s Console) WrongCredentials(r *http.Request) error {
	address, _ := r.Context().Value(addressKey{}).(netip.Addr)
	return s.limits.wrongPassword(address)
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
		pages.ServeHTTP(c.Response(), c.Request().WithContext(ctx))
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
