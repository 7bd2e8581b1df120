package endpoints

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/api-service/internal/console/web"
	"redrive/pkg/webhook"
)

const (
	endpointID   = "ep_01M6DRK2XED40D7VN5CJK585S3"
	deliveryID   = "dlv_01M6DRK2XED40D7VN5CJK585S4"
	one          = base + "/" + endpointID
	organization = web.Root + "/o/org_a"
	home         = organization + "/endpoints"
	page         = home + "/" + endpointID
)

// call is a request that a page has made to the API.
type call struct{ Method, Path, Body, Key string }

// reply is an answer of the API.
type reply struct {
	status  int
	data    string
	details []webhook.Detail
	// replayed marks the answer to a request that was made before.
	replayed bool
}

// api answers by method and path, and records the calls.
type api struct {
	t       *testing.T
	replies map[string]reply
	calls   []call
}

func (a *api) ServeAs(_ webhook.Identity, w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	assert.NoError(a.t, err)
	a.calls = append(a.calls, call{r.Method, r.URL.RequestURI(), string(body), r.Header.Get("Idempotency-Key")})
	answer, known := a.replies[r.Method+" "+r.URL.Path]
	if !known {
		answer = reply{status: http.StatusNotFound}
	}
	if answer.replayed {
		w.Header().Set("Idempotency-Replayed", "true")
	}
	envelope := map[string]any{"code": answer.status, "message": fmt.Sprintf("message of %d", answer.status), "details": answer.details}
	if answer.data != "" {
		envelope["data"] = json.RawMessage(answer.data)
	}
	encoded, err := json.Marshal(envelope)
	assert.NoError(a.t, err)
	w.WriteHeader(answer.status)
	_, _ = w.Write(encoded)
}

// writes returns the calls that change something.
func (a *api) writes() []call {
	var writes []call
	for _, c := range a.calls {
		if c.Method != http.MethodGet {
			writes = append(writes, c)
		}
	}
	return writes
}

func (a *api) Organization(_ context.Context, id string) (webhook.Organization, error) {
	return webhook.Organization{ID: id, Name: "Acme"}, nil
}

// FindSession returns a session that only reads.
func (a *api) FindSession(context.Context, string) (web.Session, error) {
	organization := webhook.Organization{ID: "org_a", Name: "Acme"}
	return web.Session{
		ConsoleSession: webhook.ConsoleSession{ID: "ses_1", OrganizationID: "org_a", Scope: webhook.ScopeRead}, Organization: organization,
	}, nil
}

// plain is an endpoint as the API shows it.
const plain = `{"id": "` + endpointID + `", "name": "Billing", "url": "https://hooks.example.com/a", "subscribedEventTypes": ["run.finished", "order.*"],
	"maxRetries": 5, "status": "active", "headers": {"X-Token": "****"}, "createdAt": "2026-11-01T00:00:00Z", "updatedAt": "2026-11-02T00:00:00Z"}`

const nothing = `{"items": [], "hasMore": false}`

// newAPI returns an API with one endpoint.
func newAPI(t *testing.T) *api {
	return &api{t: t, replies: map[string]reply{
		"GET " + base:                        {status: 200, data: `{"items": [` + plain + `], "hasMore": false}`},
		"GET " + one:                         {status: 200, data: plain},
		"GET " + one + "/stats":              {status: 200, data: `{"series": [], "totals": {"errors": {"timeout": 2, "5xx": 7}}, "waiting": {"pending": 3, "retrying": 4}}`},
		"GET " + one + "/changes":            {status: 200, data: nothing},
		"GET " + deliveries:                  {status: 200, data: nothing},
		"GET " + catalogue:                   {status: 200, data: `{"items": [{"name": "run.finished", "description": "A run has ended."}, {"name": "run.old", "deprecated": true}]}`},
		"POST " + base:                       {status: 200, data: `{"endpoint": ` + plain + `, "signingSecret": "whsec_canary"}`},
		"PATCH " + one:                       {status: 200, data: strings.Replace(plain, "2026-11-02", "2026-11-03", 1)},
		"DELETE " + one:                      {status: 200, data: plain},
		"POST " + one + "/pause":             {status: 200, data: plain},
		"POST " + one + "/resume":            {status: 200, data: plain},
		"POST " + one + "/disable":           {status: 200, data: plain},
		"POST " + one + "/enable":            {status: 200, data: plain},
		"POST " + one + "/regenerate-secret": {status: 200, data: `{"endpoint": ` + plain + `, "signingSecret": "whsec_canary"}`},
		"POST " + one + "/test":              {status: 200, data: `{"id": "` + deliveryID + `", "status": "success", "eventType": "redrive.test", "responseStatus": 200}`},
	}}
}

// answer is a page.
type answer struct {
	*httptest.ResponseRecorder
	text string
}

// serve serves a request. A writer is the session of an open console.
func (a *api) serve(writer bool, r *http.Request) answer {
	site := web.Site{Name: "Redrive", Open: writer, Home: "org_a"}
	kit := web.New(web.Options{Site: site, API: a, Sessions: a, Organizations: a, Log: slog.New(slog.DiscardHandler)})
	mux := http.NewServeMux()
	for _, route := range Routes() {
		mux.Handle(route.Method+" "+web.Root+route.Path, kit.Handler(route))
	}
	if !writer {
		r.AddCookie(&http.Cookie{Name: "redrive-session", Value: "token"})
	}
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, r)
	return answer{w, w.Body.String()}
}

// follow opens the page that a form leads to.
func (a *api) follow(w answer) answer {
	require.Equal(a.t, http.StatusSeeOther, w.Code, w.text)
	r := httptest.NewRequestWithContext(a.t.Context(), http.MethodGet, w.Header().Get("Location"), nil)
	for _, cookie := range w.Result().Cookies() {
		r.AddCookie(cookie)
	}
	return a.serve(true, r)
}

func (a *api) get(path string) answer {
	return a.serve(true, httptest.NewRequestWithContext(a.t.Context(), http.MethodGet, path, nil))
}

func (a *api) read(path string) answer {
	return a.serve(false, httptest.NewRequestWithContext(a.t.Context(), http.MethodGet, path, nil))
}

func posted(t *testing.T, path string, fields url.Values) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(fields.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

func (a *api) post(path string, fields url.Values) answer {
	return a.serve(true, posted(a.t, path, fields))
}

// shown returns a page that has to be answered with 200.
func shown(t *testing.T, w answer) string {
	t.Helper()
	require.Equal(t, http.StatusOK, w.Code, w.text)
	return w.text
}
