package web_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"redrive/api-service/internal/console/web"
	"redrive/pkg/webhook"
)

const (
	acme     = "acme"
	readID   = "ses_read"
	writeID  = "ses_write"
	linkID   = "ses_link"
	operator = "ses_operator"
	acting   = "ses_acting"
)

// world is a Kit with sessions whose tokens are their IDs, and an API that records what it is asked.
type world struct {
	mutex   sync.Mutex
	asked   []string
	answer  func(w http.ResponseWriter, r *http.Request)
	wrong   int
	limited bool
}

func (w *world) ServeAs(identity webhook.Identity, answer http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	w.mutex.Lock()
	w.asked = append(w.asked, strings.TrimSpace(strings.Join([]string{
		identity.Key.ID, identity.Key.OrganizationID, string(identity.Key.Scope), r.Method, r.URL.String(), r.Header.Get("Idempotency-Key"), string(body),
	}, " ")))
	w.mutex.Unlock()
	if w.answer != nil {
		w.answer(answer, r)
		return
	}
	respond(answer, http.StatusOK, map[string]any{"data": map[string]any{"id": "x"}})
}

func respond(w http.ResponseWriter, status int, body any) {
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func (w *world) FindSession(_ context.Context, token string) (web.Session, error) {
	live := webhook.ConsoleSession{ID: token, OrganizationID: acme, Scope: webhook.ScopeRead, APIKeyID: "key_1", Lifetime: time.Hour}
	own := webhook.Organization{ID: acme, Name: "Acme <b>"}
	switch token {
	case readID:
	case writeID:
		live.Scope = webhook.ScopeReadWrite
	case linkID:
		live.Scope, live.ByLink, live.Subject = webhook.ScopeReadWrite, true, "jane"
	case operator:
		live.OrganizationID, live.Scope, live.APIKeyID, own = "", webhook.ScopePlatform, "", webhook.Organization{}
	case acting:
		live.OrganizationID, live.Scope, live.APIKeyID, live.ActsFor, own = "", webhook.ScopePlatform, "", acme, webhook.Organization{}
	default:
		return web.Session{}, &webhook.Error{Code: webhook.CodeUnauthenticated, Message: "there is no session"}
	}
	return web.Session{ConsoleSession: live, Organization: own}, nil
}

func (w *world) Organization(_ context.Context, id string) (webhook.Organization, error) {
	if id != acme && id != "other" {
		return webhook.Organization{}, webhook.OrganizationNotFound("organization")
	}
	return webhook.Organization{ID: id}, nil
}

func (w *world) UnknownSession(*http.Request) error {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.wrong++
	if w.limited {
		return webhook.RateLimited(time.Second, "too many")
	}
	return nil
}

// site is an installation with a public address behind a proxy.
var site = web.Site{Name: "Hooks", Accent: "#2457c5", PublicURL: "https://hooks.example.com/wh"}

func (w *world) kit(s web.Site) *web.Kit {
	return web.New(web.Options{Site: s, API: w, Sessions: w, Organizations: w, Limits: w, Log: slog.New(slog.DiscardHandler)})
}

// serve sends a request to a route of the access, with the token of a session. The page says that it was reached.
func (w *world) serve(t *testing.T, s web.Site, access web.Access, r *http.Request, handle func(*web.Request) error) *httptest.ResponseRecorder {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle(web.Root+"/o/{organization}/page", w.kit(s).Handler(web.Route{For: access, Handle: handle}))
	answer := httptest.NewRecorder()
	mux.ServeHTTP(answer, r)
	return answer
}

func reached(q *web.Request) error {
	q.W.WriteHeader(http.StatusTeapot)
	return nil
}

func get(token, organization string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "http://internal/console/o/"+organization+"/page?q=1", nil)
	return signed(r, token)
}

func post(token, organization string, form url.Values) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "http://internal/console/o/"+organization+"/page", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return signed(r, token)
}

func signed(r *http.Request, token string) *http.Request {
	if token != "" {
		r.AddCookie(&http.Cookie{Name: "__Host-redrive-session", Value: token})
	}
	return r
}
