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
		switch needed {
		case public:
			if err := g.limits.stranger(client(c)); err != nil {
				return err
			}
			return next(c)
		case ownPassword:
			return g.askPassword(c, next)
		case read, write: // with a key
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

// needed is what the route asks for: a key, if it is none.
func (g gate) needed(c echo.Context) access {
	if needed, known := g.accesses[c.Request().Method+" "+c.Path()]; known {
		return needed
	}
	return g.accesses[c.Path()] // for routes of every method
}

// askPassword leaves that to the route, and counts as a stranger who does not know it.
func (g gate) askPassword(c echo.Context, next echo.HandlerFunc) error {
	if err := g.limits.strangerMayAsk(client(c)); err != nil {
		return err
	}
	err := next(c)
	if err != nil && failureOf(err, "").Code == http.StatusUnauthorized {
		_ = g.limits.stranger(client(c)) // this one was let in; the next is refused
	}
	return err
}

// identify finds out whose key it is. An address from which too many came without a valid one is refused before anything is looked
// up, so that guessing has its bound; a customer at the same address, whose key was good a while ago, is not refused with it.
func (g gate) identify(c echo.Context) (webhook.APIKey, error) {
	raw, given := bearer(c.Request().Header.Values(echo.HeaderAuthorization))
	if err := g.limits.strangerMayAsk(client(c)); err != nil && !g.authenticator.Knows(raw) {
		return webhook.APIKey{}, err
	}
	key, err := webhook.APIKey{}, error(authn.ErrUnauthenticated)
	if given {
		key, err = g.authenticator.Authenticate(c.Request().Context(), raw)
	}
	if webhook.CodeOf(err) == webhook.CodeUnauthenticated {
		_ = g.limits.stranger(client(c))
	}
	return key, err
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
