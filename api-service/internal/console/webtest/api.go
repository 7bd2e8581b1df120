package webtest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"testing"

	"redrive/pkg/webhook"
)

// Call is a call that the API got.
type Call struct {
	Method, Path string
	Query        url.Values
	Body         string
	// Key is the idempotency key of the call.
	Key string
	// Scope is that of the identity that made the call.
	Scope webhook.Scope
}

// Reply is an answer of the API.
type Reply struct {
	// Data is JSON. It is the answer's data if Status is 0.
	Data string
	// Replayed marks the answer to a call that was made before.
	Replayed bool
	// Status, Reason, Field and Message are those of a refusal.
	Status                 int
	Reason, Field, Message string
}

// API is the HTTP API as a table. It is safe for concurrent use.
type API struct {
	t       *testing.T
	mutex   sync.Mutex
	replies map[string]func(Call) Reply
	calls   []Call
}

// Answer sets the answer to a method and a path, as in "GET /v1/api-keys".
func (a *API) Answer(route string, r Reply) { a.AnswerBy(route, func(Call) Reply { return r }) }

// AnswerBy sets what computes the answers to a method and a path.
func (a *API) AnswerBy(route string, reply func(Call) Reply) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.replies[route] = reply
}

// Calls returns the calls with a method, in their order.
func (a *API) Calls(method string) []Call {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	var found []Call
	for _, call := range a.calls {
		if call.Method == method {
			found = append(found, call)
		}
	}
	return found
}

// Call returns the only call with a method. The test fails if there is none, or more than one.
func (a *API) Call(method string) Call {
	a.t.Helper()
	found := a.Calls(method)
	if len(found) != 1 {
		a.t.Fatalf("the API got %d calls with %s, and should have got one: %+v", len(found), method, found)
	}
	return found[0]
}

// ServeAs answers a call. A call that is not in the table makes the test fail.
func (a *API) ServeAs(identity webhook.Identity, w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		a.t.Errorf("read the body of %s %s: %v", r.Method, r.URL, err)
	}
	call := Call{r.Method, r.URL.Path, r.URL.Query(), string(body), r.Header.Get("Idempotency-Key"), identity.Key.Scope}
	a.mutex.Lock()
	a.calls = append(a.calls, call)
	reply, known := a.replies[r.Method+" "+r.URL.Path]
	a.mutex.Unlock()
	if !known {
		a.t.Errorf("the API has no answer to %s %s", r.Method, r.URL)
		reply = func(Call) Reply { return Reply{Status: http.StatusInternalServerError, Message: "not in the table"} }
	}
	a.write(w, reply(call))
}

func (a *API) write(w http.ResponseWriter, r Reply) {
	if r.Status == 0 {
		if r.Replayed {
			w.Header().Set("Idempotency-Replayed", "true")
		}
		w.WriteHeader(http.StatusOK)
		_, _ = fmt.Fprintf(w, `{"code":200,"data":%s}`, r.Data)
		return
	}
	answer := map[string]any{"code": r.Status, "message": r.Message, "details": []map[string]string{{"reason": r.Reason, "field": r.Field, "message": r.Message}}}
	w.WriteHeader(r.Status)
	if err := json.NewEncoder(w).Encode(answer); err != nil {
		a.t.Errorf("encode an answer: %v", err)
	}
}
