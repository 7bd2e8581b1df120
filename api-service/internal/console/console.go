package console

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"time"

	"redrive/api-service/internal/console/bulkjobs"
	"redrive/api-service/internal/console/deliveries"
	"redrive/api-service/internal/console/endpoints"
	"redrive/api-service/internal/console/events"
	"redrive/api-service/internal/console/keys"
	"redrive/api-service/internal/console/login"
	"redrive/api-service/internal/console/operator"
	"redrive/api-service/internal/console/overview"
	"redrive/api-service/internal/console/search"
	"redrive/api-service/internal/console/web"
	"redrive/api-service/internal/sessions"
)

// API is what the console needs of the HTTP API in the same process.
type API interface {
	web.API
	web.Limits
	login.Gate
	web.Organizations
}

// Options are the parts that the console is made of. All are required.
type Options struct {
	Site     web.Site
	API      API
	Sessions *sessions.Registry
	// Password checks the operator's password.
	Password   login.Password
	Bodies     deliveries.Bodies
	Operations operator.Operations
	// Finder finds resources that the API has no route to find by.
	Finder search.Finder
	// Timeout bounds what a page reads from the store itself. Defaults to 15 s.
	Timeout time.Duration
	Log     *slog.Logger
}

// New returns the handler of all pages. Its paths begin with web.Root.
func New(o Options) http.Handler {
	kit := web.New(web.Options{Site: o.Site, API: o.API, Organizations: o.API, Limits: o.API, Sessions: found{o.Sessions}, Timeout: o.Timeout, Log: o.Log})
	mux := http.NewServeMux()
	for _, route := range Routes(o) {
		mux.Handle(route.Method+" "+web.Root+route.Path, kit.Handler(route))
	}
	return routed{mux, kit}
}

// routed answers what is no route with a page.
type routed struct {
	mux *http.ServeMux
	kit *web.Kit
}

// ServeHTTP serves a route, or the page for a path or a method that has none.
func (r routed) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	handler, pattern := r.mux.Handler(request)
	if pattern != "" {
		r.mux.ServeHTTP(w, request)
		return
	}
	refused := httptest.NewRecorder()
	handler.ServeHTTP(refused, request)
	r.kit.Handler(web.Route{For: web.Anybody, Handle: func(*web.Request) error {
		if refused.Code != http.StatusMethodNotAllowed {
			return web.ErrNotFound()
		}
		w.Header().Set("Allow", refused.Header().Get("Allow"))
		return web.Refuse(http.StatusMethodNotAllowed, "This address cannot be used so", "Open the page that it belongs to, and use its buttons.")
	}}).ServeHTTP(w, request)
}

// Routes returns all pages and targets of forms.
func Routes(o Options) []web.Route {
	return slices.Concat(
		[]web.Route{
			{Method: http.MethodGet, Path: "", For: web.Anybody, Handle: home},
			{Method: http.MethodGet, Path: "/{$}", For: web.Anybody, Handle: home},
			{Method: http.MethodGet, Path: "/o/{organization}", For: web.Readers, Handle: organization},
			{Method: http.MethodGet, Path: "/assets/{name}", For: web.Files, Handle: (*web.Request).ServeAsset},
		},
		login.Routes(o.Sessions, o.API, o.Password),
		search.Routes(o.Finder),
		operator.Routes(o.Operations),
		overview.Routes(),
		deliveries.Routes(o.Bodies),
		events.Routes(),
		endpoints.Routes(),
		bulkjobs.Routes(),
		keys.Routes(),
	)
}

// home leads to the page that the session begins with.
func home(q *web.Request) error { return q.Redirect(q.Home()) }

// organization leads to the first page of the organization.
func organization(q *web.Request) error { return q.Redirect(q.To("overview")) }

// found finds the sessions of requests.
type found struct{ registry *sessions.Registry }

// FindSession returns the session of a token.
func (f found) FindSession(ctx context.Context, token string) (web.Session, error) {
	s, err := f.registry.Find(ctx, token)
	return web.Session{ConsoleSession: s.Session, Organization: s.Organization}, err
}
