package httpapi

import (
	"log/slog"
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"redrive/api-service/internal/authn"
	"redrive/pkg/webhook"
)

const (
	identityInContext = "identity"
	// actingInContext is the key of the reason why a platform key cannot act for the organization that the request names.
	actingInContext = "acting"
)

// caller returns the API key of the request. A platform key that acts for an organization is shown as a read-write key of it. The key is
// empty if the request was not authenticated.
func caller(c echo.Context) webhook.APIKey { return identityOf(c).Key }

// identityOf returns the API key of the request and the organization that it acts for.
func identityOf(c echo.Context) webhook.Identity {
	identity, _ := c.Get(identityInContext).(webhook.Identity)
	return identity
}

// gate authenticates and authorizes requests. Every route that is not declared public needs a key. So does a route that does not exist, so
// that a caller without a key cannot find out which routes exist.
type gate struct {
	authenticator *authn.Authenticator
	limits        limiter
	accesses      map[string]access
	writers       *writers
	log           *slog.Logger
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
		case ownSession:
			return next(c)
		case read, write, browser, platform, anyKey: // with a key
		}
		return g.admitKey(c, needed, next)
	}
}

// admitKey calls next if the request has a key that may use a route with the needed access.
func (g gate) admitKey(c echo.Context, needed access, next echo.HandlerFunc) error {
	identity, inside := insideIdentity(c.Request())
	if !inside {
		var err error
		if identity, err = g.identify(c); err != nil {
			return err
		}
		if identity.Key.Platform() && needed.inOrganization() {
			identity, err = g.act(c, identity)
			c.Set(actingInContext, err)
		}
		if err := g.limits.authenticatedRequest(identity); err != nil {
			return err
		}
	}
	c.Set(identityInContext, identity)
	if err := permit(c.Request(), identity.Key, needed); err != nil {
		return err
	}
	observeChanges(c)
	defer g.writers.record(c)
	err := next(c)
	audit(g.log, c, err)
	return err
}

// act returns the identity of a platform key for the organization that the request names. The error is answered later, after the checks of
// the route and the body, which precede it in the contract.
func (g gate) act(c echo.Context, identity webhook.Identity) (webhook.Identity, error) {
	named := c.Request().Header.Values(organizationHeader)
	if len(named) != 1 || named[0] == "" {
		return identity, errOrganizationRequired
	}
	organization, err := g.authenticator.Organization(c.Request().Context(), named[0])
	if err != nil {
		return identity, err
	}
	return identity.ActsFor(organization), nil
}

const organizationHeader = "X-Org-ID"

var errOrganizationRequired = webhook.Invalid("organization_required", organizationHeader,
	"a platform key acts for one organization at a time; send the header X-Org-ID with the id of the organization, once")

// checkActing returns an error if the caller is a platform key that cannot act for the organization of the request.
func checkActing(c echo.Context) error {
	err, _ := c.Get(actingInContext).(error)
	return err
}

// admitPublic counts a request for a public route against the limit of its address. Beyond that limit, a request with a valid key counts
// against the limit of the key.
func (g gate) admitPublic(c echo.Context) error {
	limited := g.limits.unauthenticatedRequest(client(c))
	if limited == nil {
		return nil
	}
	identity, err := g.authenticate(c)
	if err != nil {
		return limited
	}
	return g.limits.authenticatedRequest(identity)
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
func (g gate) identify(c echo.Context) (webhook.Identity, error) {
	identity, err := g.authenticate(c)
	if webhook.CodeOf(err) == webhook.CodeUnauthenticated {
		if limited := g.limits.unauthenticatedRequest(client(c)); limited != nil {
			return webhook.Identity{}, limited
		}
	}
	return identity, err
}

// authenticate looks up the key in the Authorization header.
func (g gate) authenticate(c echo.Context) (webhook.Identity, error) {
	raw, given := bearer(c.Request().Header.Values(echo.HeaderAuthorization))
	if !given {
		return webhook.Identity{}, authn.ErrUnauthenticated
	}
	return g.authenticator.Authenticate(c.Request().Context(), raw)
}

// permit returns an error unless the key may use a route with the needed access. A platform key may use every route.
func permit(r *http.Request, key webhook.APIKey, needed access) error {
	if key.Platform() || needed == anyKey {
		return nil
	}
	if needed == platform {
		return forbidden("platform_key_required", "Authorization", "this operation is about all organizations and needs a platform key; the operator makes one on the command line")
	}
	if slices.ContainsFunc(r.Header.Values(organizationHeader), func(asked string) bool { return asked != "" && asked != key.OrganizationID }) {
		return forbidden("organization_mismatch", organizationHeader, "the API key does not belong to the organization in X-Org-ID")
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
