package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"redrive/pkg/webhook"
)

// API serves requests of the HTTP API in the same process.
type API interface {
	// ServeAs serves a request under an identity that was authenticated before.
	ServeAs(identity webhook.Identity, w http.ResponseWriter, r *http.Request)
}

// Reasons of answers to a form with an idempotency key.
const (
	KeyReused  = "idempotency_key_reused"  // the key was used with other content
	InProgress = "idempotency_in_progress" // an earlier submission has not ended
)

// APIError is an answer of the API that is not a success.
type APIError struct {
	Status  int
	Message string
	Details []webhook.Detail
}

func (f *APIError) Error() string { return f.Message }

// Reason returns the first reason, or "".
func (f *APIError) Reason() string {
	if len(f.Details) == 0 {
		return ""
	}
	return f.Details[0].Reason
}

// FailureOf returns the failure that an error is, or nil.
func FailureOf(err error) *APIError {
	var failure *APIError
	if errors.As(err, &failure) {
		return failure
	}
	return nil
}

// envelope is the frame of the API's answers.
type envelope struct {
	Message string           `json:"message"`
	Details []webhook.Detail `json:"details"`
	Data    json.RawMessage  `json:"data"`
}

// Get reads a resource of the organization into the value. It returns a *APIError unless the API answers with a success. While a page
// refreshes itself, the answer may be as old as snapshotAge: all viewers share it.
func (q *Request) Get(path string, query url.Values, into any) error {
	return q.read(q.Session.identity(q.Organization), path, query, into)
}

// GetAll reads a resource that is about all organizations. It is for the operator.
func (q *Request) GetAll(path string, query url.Values, into any) error {
	return q.read(q.Session.operatorIdentity(), path, query, into)
}

// Probe reports whether the organization has a resource at the path. The API answers 400 for an ID that is malformed.
func (q *Request) Probe(path string) (bool, error) {
	var ignored json.RawMessage
	err := q.Get(path, nil, &ignored)
	if failure := FailureOf(err); failure != nil && (failure.Status == http.StatusNotFound || failure.Status == http.StatusBadRequest) {
		return false, nil
	}
	return err == nil, err
}

func (q *Request) read(identity webhook.Identity, path string, query url.Values, into any) error {
	target := path
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	key := snapshotKey{identity.Key.OrganizationID, target}
	fetch := func(ctx context.Context) (json.RawMessage, error) {
		answered, err := q.call(ctx, identity, http.MethodGet, target, nil, "")
		return answered.data, err
	}
	data, err := q.kit.snapshots.get(q.Context(), key, q.Refreshing(), fetch)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("decode the answer to GET %s: %w", path, err)
	}
	return nil
}

// Send changes something of the organization. The body may be nil. A form that was made with Once is sent as one call, however often it is
// submitted: repeated says that an earlier submission has had the effect.
func (q *Request) Send(method, path string, body, into any) (repeated bool, err error) {
	return q.SendOnce(q.Form(onceField), method, path, body, into)
}

// SendOnce is Send with an idempotency key. An empty key is none.
func (q *Request) SendOnce(key, method, path string, body, into any) (repeated bool, err error) {
	var encoded bytes.Buffer
	if body != nil {
		encoder := json.NewEncoder(&encoded)
		encoder.SetEscapeHTML(false) // published data is kept as it was written
		if err := encoder.Encode(body); err != nil {
			return false, fmt.Errorf("encode the request for %s: %w", path, err)
		}
	}
	answered, err := q.call(q.Context(), q.Session.identity(q.Organization), method, path, bytes.TrimSuffix(encoded.Bytes(), []byte("\n")), key)
	q.kit.snapshots.drop(q.Organization.ID)
	failure := FailureOf(err)
	q.spent = err == nil || failure != nil && failure.Reason() == KeyReused
	if err != nil || into == nil {
		return answered.repeated, err
	}
	if err := json.Unmarshal(answered.data, into); err != nil {
		return answered.repeated, fmt.Errorf("decode the answer to %s %s: %w", method, path, err)
	}
	return answered.repeated, nil
}

// answered is a success of the API.
type answered struct {
	data     json.RawMessage
	repeated bool
}

// call sends a request to the API and returns the data of its answer.
func (q *Request) call(ctx context.Context, identity webhook.Identity, method, target string, body []byte, key string) (answered, error) {
	r, err := http.NewRequestWithContext(ctx, method, target, bytes.NewReader(body))
	if err != nil {
		return answered{}, fmt.Errorf("request %s: %w", target, err)
	}
	r.RemoteAddr = q.R.RemoteAddr
	r.Header["X-Forwarded-For"] = q.R.Header["X-Forwarded-For"]
	r.Header.Set("X-Request-Id", q.W.Header().Get("X-Request-Id"))
	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}
	if len(body) > 0 {
		r.Header.Set("Content-Type", "application/json")
	}
	w := &recorder{header: http.Header{}}
	q.kit.api.ServeAs(identity, w, r)
	if err := ctx.Err(); err != nil {
		return answered{}, err
	}
	var e envelope
	if err := json.Unmarshal(w.body.Bytes(), &e); err != nil {
		return answered{}, fmt.Errorf("decode the answer to %s %s: %w", method, target, err)
	}
	if w.status != http.StatusOK {
		return answered{}, &APIError{w.status, e.Message, e.Details}
	}
	return answered{e.Data, w.header.Get("Idempotency-Replayed") == "true"}, nil
}

// recorder keeps an answer in memory.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header { return r.header }

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
}

func (r *recorder) Write(text []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	return r.body.Write(text)
}
