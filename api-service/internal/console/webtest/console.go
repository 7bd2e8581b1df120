package webtest

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"redrive/api-service/internal/console/web"
	"redrive/pkg/webhook"
)

// The organization that the pages are for.
const (
	OrganizationID   = "acme"
	OrganizationName = "Acme"
)

// Who is the session of a request.
type Who string

// The sessions. All but Operator's belong to the organization.
const (
	WithoutSession Who = ""
	// Writer and Reader signed in with API keys.
	Writer Who = "writer"
	Reader Who = "reader"
	// Linked opened a link with the scope read-write.
	Linked Who = "linked"
	// Operator has not chosen to act for an organization.
	Operator Who = "operator"
)

// KeyID is the API key that the session of Writer belongs to.
const KeyID = "key_00000000000000000000000001"

// Console serves routes to a test.
type Console struct {
	*API
	t       *testing.T
	handler http.Handler
}

// New returns a console with the routes, whose API has no answers yet.
func New(t *testing.T, routes []web.Route) *Console {
	t.Helper()
	api := &API{t: t, replies: map[string]func(Call) Reply{}}
	kit := web.New(web.Options{
		Site: web.Site{Name: "Redrive"}, API: api, Organizations: organizations{}, Sessions: sessions{}, Log: slog.New(slog.DiscardHandler),
	})
	mux := http.NewServeMux()
	for _, route := range routes {
		mux.Handle(route.Method+" "+web.Root+route.Path, kit.Handler(route))
	}
	return &Console{api, t, mux}
}

// Path returns the path of a page of the organization.
func Path(page string) string { return web.Root + "/o/" + OrganizationID + "/" + page }

// Get opens a page of the organization, such as events?eventType=a.
func (c *Console) Get(who Who, page string) *Page {
	c.t.Helper()
	return c.serve(who, httptest.NewRequestWithContext(c.t.Context(), http.MethodGet, Path(page), nil))
}

// At opens a page by its whole path, such as /console/search?q=a.
func (c *Console) At(who Who, path string) *Page {
	c.t.Helper()
	return c.serve(who, httptest.NewRequestWithContext(c.t.Context(), http.MethodGet, path, nil))
}

// Post sends a form to a page of the organization.
func (c *Console) Post(who Who, page string, form url.Values) *Page {
	c.t.Helper()
	r := httptest.NewRequestWithContext(c.t.Context(), http.MethodPost, Path(page), strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return c.serve(who, r)
}

func (c *Console) serve(who Who, r *http.Request) *Page {
	c.t.Helper()
	if who != WithoutSession {
		r.Header.Set("Cookie", "redrive-session="+string(who))
	}
	w := httptest.NewRecorder()
	c.handler.ServeHTTP(w, r)
	return newPage(c.t, w)
}

type organizations struct{}

func (organizations) Organization(_ context.Context, id string) (webhook.Organization, error) {
	if id != OrganizationID {
		return webhook.Organization{}, &webhook.Error{Code: webhook.CodeNotFound, Message: "no such organization"}
	}
	return webhook.Organization{ID: OrganizationID, Name: OrganizationName}, nil
}

// sessions finds the session whose token is the name of its Who.
type sessions struct{}

func (sessions) FindSession(_ context.Context, token string) (web.Session, error) {
	s := webhook.ConsoleSession{ID: "ses_1", OrganizationID: OrganizationID, Scope: webhook.ScopeReadWrite, APIKeyID: KeyID}
	switch Who(token) {
	case Writer:
	case Reader:
		s.Scope = webhook.ScopeRead
	case Linked:
		s.ByLink = true
	case Operator:
		return web.Session{ConsoleSession: webhook.ConsoleSession{ID: "ses_1", Scope: webhook.ScopePlatform}}, nil
	case WithoutSession:
		fallthrough
	default:
		return web.Session{}, errors.New("the test has no such session")
	}
	return web.Session{ConsoleSession: s, Organization: webhook.Organization{ID: OrganizationID, Name: OrganizationName}}, nil
}
