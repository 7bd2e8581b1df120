package web_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/api-service/internal/console/web"
)

// The API sees who acts: the key of a session by key, the session of a link with its subject, and the operator.
func TestIdentitiesOfSessions(t *testing.T) {
	for token, want := range map[string]string{
		readID:   "key_1 acme read GET /v1/things?a=b",
		writeID:  "key_1 acme read-write GET /v1/things?a=b",
		linkID:   "ses_link (jane) acme read-write GET /v1/things?a=b",
		operator: "operator acme read GET /v1/things?a=b",
		acting:   "operator acme read-write GET /v1/things?a=b",
	} {
		w := &world{}
		w.serve(t, site, web.Readers, get(token, acme), func(q *web.Request) error {
			var ignored any
			return q.Get("/v1/things", url.Values{"a": {"b"}}, &ignored)
		})
		assert.Equal(t, []string{want}, w.asked)
	}
}

func TestSendCarriesTheFormsIdempotencyKey(t *testing.T) {
	w := &world{answer: func(answer http.ResponseWriter, _ *http.Request) {
		answer.Header().Set("Idempotency-Replayed", "true")
		respond(answer, http.StatusOK, map[string]any{"data": map[string]any{"id": "dlv_1"}})
	}}
	var got struct{ ID string }
	answer := w.serve(t, site, web.Writers, post(writeID, acme, url.Values{"once": {"k"}}), func(q *web.Request) error {
		repeated, err := q.Send(http.MethodPost, "/v1/things", map[string]int{"n": 1}, &got)
		assert.True(t, repeated)
		return errors.Join(err, reached(q))
	})
	assert.Equal(t, http.StatusTeapot, answer.Code)
	assert.Equal(t, "dlv_1", got.ID)
	assert.Equal(t, []string{`key_1 acme read-write POST /v1/things k {"n":1}`}, w.asked)
}

func TestFailuresOfTheAPIAreShown(t *testing.T) {
	for _, c := range []struct {
		status int
		want   int
	}{{400, 400}, {404, 404}, {429, 429}, {503, 503}} {
		w := &world{answer: func(answer http.ResponseWriter, _ *http.Request) {
			respond(answer, c.status, map[string]any{"message": "it is <i>wrong</i>", "details": []any{map[string]any{"reason": "r"}}})
		}}
		answer := w.serve(t, site, web.Readers, get(readID, acme), func(q *web.Request) error {
			return q.Get("/v1/things", nil, new(any))
		})
		assert.Equal(t, c.want, answer.Code)
		assert.Contains(t, answer.Body.String(), "It is &lt;i&gt;wrong&lt;/i&gt;.")
	}
}

func TestUnknownErrorsAreNotShown(t *testing.T) {
	answer := (&world{}).serve(t, site, web.Readers, get(readID, acme), func(*web.Request) error { return errors.New("password=canary") })
	assert.Equal(t, http.StatusInternalServerError, answer.Code)
	assert.NotContains(t, answer.Body.String(), "canary")
}

// While pages refresh, all viewers of an organization share one answer. A change of the organization ends it.
func TestRefreshingPagesShareAnswers(t *testing.T) {
	w := &world{}
	kit := w.kit(site)
	page := kit.Handler(web.Route{For: web.Readers, Handle: func(q *web.Request) error { return errors.Join(q.Get("/v1/things", nil, new(any)), reached(q)) }})
	change := kit.Handler(web.Route{For: web.Writers, Handle: func(q *web.Request) error {
		_, err := q.Send(http.MethodPost, "/v1/things", nil, nil)
		return errors.Join(err, reached(q))
	}})
	serve := func(handler http.Handler, r *http.Request) {
		mux := http.NewServeMux()
		mux.Handle(web.Root+"/o/{organization}/page", handler)
		answer := httptest.NewRecorder()
		mux.ServeHTTP(answer, r)
		require.Equal(t, http.StatusTeapot, answer.Code)
	}
	refresh := func(token string) *http.Request {
		r := get(token, acme)
		r.Header.Set("X-Console-Refresh", "1")
		return r
	}
	for range 10 {
		serve(page, refresh(readID))
		serve(page, refresh(linkID))
	}
	assert.Len(t, w.asked, 1, "the refreshes used the first answer")
	serve(page, get(readID, acme))
	assert.Len(t, w.asked, 2, "a page that was opened anew is read anew")
	serve(change, post(writeID, acme, url.Values{}))
	serve(page, refresh(readID))
	assert.Len(t, w.asked, 4, "a change ends the answer")
}

// What is no page is never given as one, and viewers do not share it.
func TestRefreshOfADownload(t *testing.T) {
	for range 2 {
		r := get(readID, acme)
		r.Header.Set("X-Console-Refresh", "1")
		answer := (&world{}).serve(t, site, web.Readers, r, func(q *web.Request) error {
			q.W.Header().Set("Content-Type", "application/json")
			_, err := q.W.Write([]byte(`{"x":"<script>alert(1)</script>"}`))
			return err
		})
		assert.Equal(t, http.StatusOK, answer.Code)
		assert.Equal(t, "application/json", answer.Header().Get("Content-Type"))
	}
}

// A page that panics while it refreshes fails alone, in the goroutine of its request.
func TestRefreshOfAPageThatPanics(t *testing.T) {
	for path, handle := range map[string]func(q *web.Request) error{
		"page": func(*web.Request) error { panic("wrong") },
		"API":  func(q *web.Request) error { return q.Get("/v1/things", nil, new(any)) },
	} {
		w := &world{answer: func(http.ResponseWriter, *http.Request) { panic("wrong") }}
		r := get(readID, acme)
		r.Header.Set("X-Console-Refresh", "1")
		assert.PanicsWithValue(t, "wrong", func() { w.serve(t, site, web.Readers, r, handle) }, path)
	}
}
