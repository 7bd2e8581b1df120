package httpapi

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"redrive/api-service/internal/authn"
	"redrive/pkg/webhook"
)

const keyInContext = "apiKey"

// caller is the API key that the request was authenticated with.
func caller(c echo.Context) webhook.APIKey {
	key, _ := c.Get(keyInContext).(webhook.APIKey)
	return key
}

// gate lets a request through to its route if its caller may use it. Everything but what is declared public needs a key, routes
// that do not exist among it: who has no key learns nothing.
type gate struct {
	authenticator *authn.Authenticator
	limits        limiter
	accesses      map[string]access
}

func (g gate) admit(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		needed := g.needed(c)
		if needed == browser {
			needed = neededOfBrowser(c)
		}
		switch needed {
		case public:
			if err := g.admitAnybody(c); err != nil {
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
		if err := g.limits.request(key); err != nil {
			return err
		}
		if err := permit(c.Request(), key, needed); err != nil {
			return err
		}
		return next(c)
	}
}

// admitAnybody counts a request for a public route against its address. Beyond that limit a valid key still has its own.
func (g gate) admitAnybody(c echo.Context) error {
	limited := g.limits.stranger(client(c))
	if limited == nil {
		return nil
	}
	key, err := g.authenticate(c)
	if err != nil {
		return limited
	}
	return g.limits.request(key)
}

// needed is what the route asks for: a key, if it is none.
func (g gate) needed(c echo.Context) access {
	if needed, known := g.accesses[c.Request().Method+" "+c.Path()]; known {
		return needed
	}
	return g.accesses[c.Path()] // for routes of every method
}

// askPassword leaves the check to the route. The right password is never limited, since comparing it costs nothing: a wrong one is
// answered 429 instead of 401 beyond the limit of its address. A request without a password guesses nothing. It gets the 401 that
// makes a browser ask.
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

// identify returns the request's API key. A request without a valid one counts against its address, and is answered 429 instead of
// 401 beyond the limit. The limit is applied after the key was looked up, so that a valid key is never refused because of others at
// its address.
func (g gate) identify(c echo.Context) (webhook.APIKey, error) {
	key, err := g.authenticate(c)
	if webhook.CodeOf(err) == webhook.CodeUnauthenticated {
		if limited := g.limits.stranger(client(c)); limited != nil {
			return webhook.APIKey{}, limited
		}
	}
	return key, err
}

// authenticate looks up the key that the request names.
func (g gate) authenticate(c echo.Context) (webhook.APIKey, error) {
	raw, given := bearer(c.Request().Header.Values(echo.HeaderAuthorization))
	if !given {
		return webhook.APIKey{}, authn.ErrUnauthenticated
	}
	return g.authenticator.Authenticate(c.Request().Context(), raw)
}

func permit(r *http.Request, key webhook.APIKey, needed access) error {
	if asked := r.Header.Get("X-Org-ID"); asked != "" && asked != key.OrganizationID {
		return forbidden("organization_mismatch", "X-Org-ID", "the API key does not belong to the organization in X-Org-ID")
	}
	if needed == write && key.Scope != webhook.ScopeReadWrite {
		return forbidden("read_only_key", "Authorization", "this operation changes something and needs an API key with the scope read-write")
	}
	return nil
}

// bearer reads the key of exactly one Authorization header: RFC 6750, with the scheme in any case as RFC 9110 has it.
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
