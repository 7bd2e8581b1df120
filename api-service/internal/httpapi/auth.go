package httpapi

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"redrive/api-service/internal/authn"
	"redrive/pkg/webhook"
)

const keyInContext = "apiKey"

// caller returns the API key of the request. It is empty if the request was not authenticated.
func caller(c echo.Context) webhook.APIKey {
	key, _ := c.Get(keyInContext).(webhook.APIKey)
	return key
}

// gate authenticates and authorizes requests. Every route that is not declared public needs a key. So does a route that does not exist, so
// that a caller without a key cannot find out which routes exist.
type gate struct {
	authenticator *authn.Authenticator
	limits        limiter
	accesses      map[string]access
}

// admit calls next if the caller may use the route.
func (g gate) admit(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		needed := g.needed(c)
		if needed == browser {
			needed = neededOfBrowser(c)
		}
		switch needed {
		case public:
			if err := g.admitPublic(c); err != nil {
				return err
			}
			return next(c)
		case ownPassword:
			return g.askPassword(c, next)
		case read, write, browser: // with a key
		}
		key, err := g.identify(c)
		if err != nil {
			return err
		}
		c.Set(keyInContext, key)
		if err := g.limits.authenticatedRequest(key); err != nil {
			return err
		}
		if err := permit(c.Request(), key, needed); err != nil {
			return err
		}
		return next(c)
	}
}

// admitPublic counts a request for a public route against the limit of its address. Beyond that limit, a request with a valid key counts
// against the limit of the key.
func (g gate) admitPublic(c echo.Context) error {
	limited := g.limits.unauthenticatedRequest(client(c))
	if limited == nil {
		return nil
	}
	key, err := g.authenticate(c)
	if err != nil {
		return limited
	}
	return g.limits.authenticatedRequest(key)
}

// needed returns the access that the route requires. A route that does not exist requires read.
func (g gate) needed(c echo.Context) access {
	if needed, known := g.accesses[c.Request().Method+" "+c.Path()]; known {
		return needed
	}
	return g.accesses[c.Path()] // for routes of every method
}

// askPassword calls a route that checks a password itself. The correct password is never limited. Beyond the limit of its address, a wrong
// password gets 429 instead of 401. A request without a password is not a guess. It always gets the 401 that makes a browser ask for the
// password.
func (g gate) askPassword(c echo.Context, next echo.HandlerFunc) error {
	err := next(c)
	if _, _, given := c.Request().BasicAuth(); !given || err == nil || failureOf(err, "").Code != http.StatusUnauthorized {
		return err
	}
	if limited := g.limits.wrongPassword(client(c)); limited != nil {
		return limited
	}
	return err
}

// identify returns the request's API key. A request without a valid key counts against the limit of its address, and gets 429 instead of 401
// beyond the limit. The key is looked up first, so that other requests from an address never cause the refusal of a valid key.
func (g gate) identify(c echo.Context) (webhook.APIKey, error) {
	key, err := g.authenticate(c)
	if webhook.CodeOf(err) == webhook.CodeUnauthenticated {
		if limited := g.limits.unauthenticatedRequest(client(c)); limited != nil {
			return webhook.APIKey{}, limited
		}
	}
	return key, err
}

// authenticate looks up the key in the Authorization header.
func (g gate) authenticate(c echo.Context) (webhook.APIKey, error) {
	raw, given := bearer(c.Request().Header.Values(echo.HeaderAuthorization))
	if !given {
		return webhook.APIKey{}, authn.ErrUnauthenticated
	}
	return g.authenticator.Authenticate(c.Request().Context(), raw)
}

// permit returns an error unless the key may use a route of its organization with the needed access.
func permit(r *http.Request, key webhook.APIKey, needed access) error {
	if asked := r.Header.Get("X-Org-ID"); asked != "" && asked != key.OrganizationID {
		return forbidden("organization_mismatch", "X-Org-ID", "the API key does not belong to the organization in X-Org-ID")
	}
	if needed == write && key.Scope != webhook.ScopeReadWrite {
		return forbidden("read_only_key", "Authorization", "this operation changes something and needs an API key with the scope read-write")
	}
	return nil
}

// bearer returns the key of an Authorization header (RFC 6750). There must be exactly one header. The case of the scheme is ignored (RFC
// 9110).
func bearer(headers []string) (string, bool) {
	if len(headers) != 1 {
		return "", false
	}
	scheme, raw, ok := strings.Cut(headers[0], " ")
	return strings.TrimSpace(raw), ok && strings.EqualFold(scheme, "Bearer")
}

func forbidden(reason, field, message string) error {
	return &webhook.Error{Code: webhook.CodeForbidden, Message: message, Details: []webhook.Detail{{Reason: reason, Field: field, Message: message}}}
}
