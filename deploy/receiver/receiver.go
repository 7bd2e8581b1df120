// Package receiver is a sample receiver of webhooks. /ok answers 200. /flaky answers 500 until POST /heal, and again after POST /break. /
// shows the webhooks that arrived and whether their signatures verified.
package receiver

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"redrive/pkg/signing"
)

const (
	// shown is the number of latest requests that are kept.
	shown = 100
	// MaxBody is the size of the largest webhook that is accepted, in bytes.
	MaxBody = 2 << 20
)

// Keys returns the signing keys of the endpoint that a delivery was sent to.
type Keys func(r *http.Request) ([]signing.Key, error)

// Receiver is an http.Handler.
type Receiver struct {
	keys       Keys
	mux        *http.ServeMux
	sameOrigin *http.CrossOriginProtection

	mutex  sync.Mutex
	healed bool
	latest []received
}

// received is a webhook as the page shows it.
type received struct {
	At        time.Time       `json:"at"`
	Path      string          `json:"path"`
	WebhookID string          `json:"webhookId"`
	Signature string          `json:"signature"`
	Answered  int             `json:"answered"`
	Body      json.RawMessage `json:"body"`
}

// New makes a Receiver that verifies signatures with keys.
func New(keys Keys) *Receiver {
	r := &Receiver{keys: keys, mux: http.NewServeMux(), sameOrigin: http.NewCrossOriginProtection()}
	r.mux.HandleFunc("POST /ok", func(w http.ResponseWriter, q *http.Request) { r.receive(w, q, http.StatusOK) })
	r.mux.HandleFunc("POST /flaky", func(w http.ResponseWriter, q *http.Request) { r.receive(w, q, r.flaky()) })
	r.mux.HandleFunc("POST /heal", r.switchTo(true, "healed: /flaky answers 200 from now on\n"))
	r.mux.HandleFunc("POST /break", r.switchTo(false, "broken: /flaky answers 500 from now on\n"))
	r.mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })
	r.mux.HandleFunc("GET /{$}", r.show)
	return r
}

// ServeHTTP refuses requests with an Origin header of another site. Webhooks and curl send no such header.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	r.sameOrigin.Handler(r.mux).ServeHTTP(w, q)
}

func (r *Receiver) flaky() int {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.healed {
		return http.StatusOK
	}
	return http.StatusInternalServerError
}

// switchTo makes /flaky answer 200 or 500.
func (r *Receiver) switchTo(healed bool, said string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		r.mutex.Lock()
		r.healed = healed
		r.mutex.Unlock()
		_, _ = io.WriteString(w, said)
	}
}

func (r *Receiver) receive(w http.ResponseWriter, q *http.Request, status int) {
	body, err := io.ReadAll(http.MaxBytesReader(w, q.Body, MaxBody))
	if err != nil {
		http.Error(w, "the body did not arrive", http.StatusBadRequest)
		return
	}
	got := received{
		At: time.Now().UTC(), Path: q.URL.Path, WebhookID: q.Header.Get(signing.HeaderID),
		Signature: r.verify(q, body), Answered: status, Body: body,
	}
	if !json.Valid(body) {
		got.Body, _ = json.Marshal(string(body))
	}
	r.keep(got)
	w.WriteHeader(status)
	_, _ = io.WriteString(w, http.StatusText(status)+"\n")
}

// verify returns the result of the verification as text. A real receiver refuses a webhook that does not verify.
func (r *Receiver) verify(q *http.Request, body []byte) string {
	keys, err := r.keys(q)
	if err != nil || len(keys) == 0 {
		return "not checked: the endpoint's signing secret is not known here"
	}
	err = signing.Verify(q.Header, body, time.Now(), signing.DefaultTolerance, keys...)
	switch {
	case err == nil:
		return "verified"
	case errors.Is(err, signing.ErrMissingHeader):
		return "missing"
	default:
		return "invalid"
	}
}

func (r *Receiver) keep(got received) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.latest = append([]received{got}, r.latest[:min(len(r.latest), shown-1)]...)
}

func (r *Receiver) show(w http.ResponseWriter, _ *http.Request) {
	r.mutex.Lock()
	page := struct {
		Flaky    string     `json:"flaky"`
		Received []received `json:"received"`
	}{Flaky: "answers 500 until POST /heal", Received: append([]received{}, r.latest...)}
	if r.healed {
		page.Flaky = "healed: answers 200 until POST /break"
	}
	r.mutex.Unlock()

	w.Header().Set("Content-Type", "application/json")
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	_ = encoder.Encode(page) // the reader has gone
}
