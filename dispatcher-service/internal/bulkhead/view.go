package bulkhead

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"redrive/pkg/webhook"
)

// Breaker is an endpoint as an operator sees it.
type Breaker struct {
	EndpointID string `json:"endpointId"`
	State      State  `json:"state"`
	// Since and Reason are of a circuit that is not closed, and OpenUntil of one that is open.
	Since     webhook.Timestamp `json:"since,omitzero"`
	OpenUntil webhook.Timestamp `json:"openUntil,omitzero"`
	Reason    string            `json:"reason,omitempty"`
	LastError string            `json:"lastError,omitempty"`
	InFlight  int               `json:"inFlight"`
	// Limit is how many attempts it may have in flight now.
	Limit int `json:"limit"`
	// Held is how many deliveries are remembered as waiting for it, and LimitedUntil for how long its rate is used up.
	Held         int               `json:"held"`
	LimitedUntil webhook.Timestamp `json:"limitedUntil,omitzero"`
}

// mostShown bounds an answer.
const mostShown = 1000

// Breakers lists endpoints whose circuit is not closed or that have deliveries waiting, by ID, at most so many.
func (b *Bulkheads) Breakers(limit int) []Breaker {
	b.mutex.Lock()
	defer b.unlock()
	now := time.Now()
	list := make([]Breaker, 0, min(limit, len(b.tended)))
	for _, e := range b.tended[:min(limit, len(b.tended))] {
		list = append(list, b.view(e, now))
	}
	slices.SortFunc(list, func(x, y Breaker) int { return strings.Compare(x.EndpointID, y.EndpointID) })
	return list
}

func (b *Bulkheads) view(e *endpoint, now time.Time) Breaker {
	v := Breaker{
		EndpointID: e.id, State: e.breaker.state, LastError: e.lastError,
		InFlight: e.flight.size, Limit: b.limit(e, now), Held: len(e.line) + e.calls.size,
	}
	if v.State != Closed {
		v.Since, v.Reason = webhook.Timestamp(e.breaker.since), e.breaker.why
	}
	if v.State == Open {
		v.OpenUntil = webhook.Timestamp(e.breaker.until)
	}
	if now.Before(e.limitedUntil) {
		v.LimitedUntil = webhook.Timestamp(e.limitedUntil)
	}
	return v
}

// Handler answers with the endpoints that something is the matter with, for operators: it knows those of all organizations.
func (b *Bulkheads) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		list := b.Breakers(mostShown + 1)
		more := len(list) > mostShown
		if more {
			list = list[:mostShown]
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(struct { // a client that hangs up is no concern of ours
			Breakers []Breaker `json:"breakers"`
			HasMore  bool      `json:"hasMore"`
		}{list, more})
	})
}
