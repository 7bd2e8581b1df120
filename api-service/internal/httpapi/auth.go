package httpapi

import (
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

// authenticate lets a request through to its route if its key may use it. Everything but what is declared public needs a
// key, routes that do not exist among it: who has no key learns nothing.
func authenticate(authenticator *authn.Authenticator, accesses map[string]access) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			needed, known := accesses[c.Request().Method+" "+c.Path()]
			if !known {
				needed, known = accesses[c.Path()]
			}
			if known && needed == public {
				return next(c)
			}
			raw, ok := bearer(c.Request().Header.Values(echo.HeaderAuthorization))
			if !ok {
				return authn.ErrUnauthenticated
			}
			key, err := authenticator.Authenticate(c.Request().Context(), raw)
			if err != nil {
				return err
			}
			c.Set(keyInContext, key)
			if asked := c.Request().Header.Get("X-Org-ID"); asked != "" && asked != key.OrganizationID {
				return forbidden("organization_mismatch", "X-Org-ID", "the API key does not belong to the organization in X-Org-ID")
			}
			if known && needed == write && key.Scope != webhook.ScopeReadWrite {
				return forbidden("read_only_key", "Authorization", "this operation changes something and needs an API key with the scope read-write")
			}
			return next(c)
		}
	}
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
