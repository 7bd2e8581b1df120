package web

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"redrive/api-service/internal/static"
	"redrive/pkg/webhook"
)

// Sessions finds the sessions of requests.
type Sessions interface {
	// FindSession returns the session of a token. The error has the code unauthenticated if there is none, or if it has ended.
	FindSession(ctx context.Context, token string) (Session, error)
}

// Organizations finds organizations for the operator.
type Organizations interface {
	// Organization returns an organization. The error has the code not_found if it does not exist or was deleted.
	Organization(ctx context.Context, id string) (webhook.Organization, error)
}

// Limits bounds guesses.
type Limits interface {
	// UnknownSession counts a session that does not exist against the limit of the address that the request came from. It returns an error
	// beyond the limit.
	UnknownSession(r *http.Request) error
}

// Kit serves pages. It is safe for concurrent use.
type Kit struct {
	site          *Site
	api           API
	sessions      Sessions
	organizations Organizations
	limits        Limits
	timeout       time.Duration
	snapshots     snapshots
	assets        map[string]static.File
	crossOrigin   *http.CrossOriginProtection
	log           *slog.Logger
}

// Options are the parts that a Kit works with. All are required, but for Timeout.
type Options struct {
	Site          Site
	API           API
	Sessions      Sessions
	Organizations Organizations
	Limits        Limits
	// Timeout bounds what a page reads from the store itself. Defaults to 15 s, three statements of the database's default.
	Timeout time.Duration
	Log     *slog.Logger
}

// New makes a Kit.
func New(o Options) *Kit {
	k := &Kit{
		site: &o.Site, api: o.API, sessions: o.Sessions, organizations: o.Organizations, limits: o.Limits, log: o.Log,
		timeout: cmp.Or(o.Timeout, 15*time.Second), snapshots: newSnapshots(), assets: assetsOf(o.Site),
		crossOrigin: http.NewCrossOriginProtection(),
	}
	if origin := o.Site.origin(); origin != "" {
		// A proxy may change the Host header. An origin that was checked as a URL is always accepted.
		_ = k.crossOrigin.AddTrustedOrigin(origin)
	}
	return k
}

// maxForm bounds the body of a form in bytes. The largest event is 1 MiB, of which each byte may take three when it is encoded.
const maxForm = 4 << 20

// Handler serves a route.
func (k *Kit) Handler(route Route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := &Request{W: w, R: r, Site: k.site, kit: k, route: route}
		if err := k.serve(q, route); err != nil {
			q.fail(err)
		}
	})
}

func (k *Kit) serve(q *Request, route Route) error {
	q.secureHeaders()
	if route.For == Files {
		return route.Handle(q)
	}
	if err := k.crossOrigin.Check(q.R); err != nil {
		return problem(http.StatusForbidden, "This form was sent from another site",
			"The console accepts changes only from its own pages. Open the page again and repeat the action.")
	}
	err := k.admit(q, route.For)
	q.secureHeaders() // the frame policy depends on the session
	if err != nil {
		return err
	}
	q.takeFlash()
	if q.R.Method == http.MethodPost {
		q.R.Body = http.MaxBytesReader(q.W, q.R.Body, maxForm)
		if err := q.R.ParseForm(); err != nil {
			return problem(http.StatusBadRequest, "The form could not be read", "It is malformed, or larger than 4 MiB. Open the page again and repeat the action.")
		}
	}
	if q.R.Method == http.MethodGet && q.Refreshing() {
		return q.refresh(route)
	}
	return route.Handle(q)
}

// errSignIn is returned where a session is needed and there is none.
var errSignIn = errors.New("a session is required")

// admit finds the session and the organization, and checks that the session may open the page.
func (k *Kit) admit(q *Request, needed Access) error {
	err := k.findSession(q)
	switch {
	case needed == Anybody && err != nil && !errors.As(err, new(*ProblemError)):
		return nil // without the database, no session can be found
	case err != nil:
		return err
	case needed == Anybody:
		return nil
	case !q.Session.Known():
		return errSignIn
	case needed.forOperator() && !q.Session.Operator():
		return errNotFound
	case !needed.inOrganization():
		return nil
	}
	if err := q.Enter(q.Param("organization")); err != nil {
		return err
	}
	if needed.needsKey() && q.Session.ByLink {
		return problem(http.StatusForbidden, "Not available in this session", "A session that was opened by a link does not show this page. Sign in with an API key.")
	}
	if needed.writes() && !q.CanWrite() {
		return problem(http.StatusForbidden, "This session is read-only", readOnlyAdvice(q.Session))
	}
	return nil
}

func readOnlyAdvice(s Session) string {
	if s.ByLink {
		return "Nothing was changed. Ask for a link that may change something where you got this one."
	}
	if s.Operator() {
		return "Open the organization's overview and choose “Act for this organization”. It was not chosen in this session, or another organization was chosen since."
	}
	return "Nothing was changed. Sign in with an API key that has the scope read-write."
}

func (k *Kit) findSession(q *Request) error {
	if q.Site.Open {
		q.Session = OpenSession()
		return nil
	}
	raw := token(q)
	if raw == "" {
		return nil
	}
	session, err := k.sessions.FindSession(q.Context(), raw)
	if webhook.CodeOf(err) == webhook.CodeUnauthenticated {
		q.DropSession() // the browser sends it no more
		if limited := k.limits.UnknownSession(q.R); limited != nil {
			return problem(http.StatusTooManyRequests, titleOf(http.StatusTooManyRequests), "Wait some seconds and open the page again.")
		}
		return nil // an ended session is none
	}
	if err == nil && q.Site.OperatorOnly && !session.Operator() {
		return nil
	}
	q.Session = session
	return err
}

// Enter sets the organization of the request. An organization of other sessions is answered like one that does not exist.
func (q *Request) Enter(organizationID string) error {
	if !q.Session.Operator() {
		if organizationID != q.Session.Organization.ID {
			return errNotFound
		}
		q.Organization = q.Session.Organization
		return nil
	}
	found, err := q.kit.organizations.Organization(q.Context(), organizationID)
	if webhook.CodeOf(err) == webhook.CodeNotFound {
		return problem(http.StatusNotFound, "There is no such organization", "It does not exist, or it was deleted. Search for its name or ID.")
	}
	q.Organization = found
	return err
}
