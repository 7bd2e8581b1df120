package bulkhead

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"redrive/dispatcher-service/internal/circuit"
	"redrive/pkg/webhook"
)

// Breaker is the state of an endpoint for operators.
type Breaker struct {
	EndpointID string        `json:"endpointId"`
	State      circuit.State `json:"state"`
	// Since and Reason describe a circuit that is not closed, and OpenUntil one that is open.
	Since     webhook.Timestamp `json:"since,omitzero"`
	OpenUntil webhook.Timestamp `json:"openUntil,omitzero"`
	Reason    string            `json:"reason,omitempty"`
	LastError string            `json:"lastError,omitempty"`
	InFlight  int               `json:"inFlight"`
	// Limit is how many attempts the endpoint may have in flight now.
	Limit int `json:"limit"`
	// Held is how many deliveries of the endpoint are held. LimitedUntil is when its rate limit is expected to allow the next attempt.
	Held         int               `json:"held"`
	LimitedUntil webhook.Timestamp `json:"limitedUntil,omitzero"`
}

// maxShown bounds the endpoints of a response.
const maxShown = 1000

// Breakers lists at most limit endpoints whose circuit is not closed or that have held deliveries, by ID.
func (b *Bulkheads) Breakers(limit int) []Breaker {
	b.mutex.Lock()
	defer b.unlock()
	now := time.Now()
	breakers := make([]Breaker, 0, min(limit, len(b.watched)))
	for _, e := range b.watched[:min(limit, len(b.watched))] {
		breakers = append(breakers, b.view(e, now))
	}
	slices.SortFunc(breakers, func(x, y Breaker) int { return strings.Compare(x.EndpointID, y.EndpointID) })
	return breakers
}

func (b *Bulkheads) view(e *endpoint, now time.Time) Breaker {
	v := Breaker{
		EndpointID: e.id, State: e.circuit.State, LastError: e.lastError,
		InFlight: e.inFlight.size, Limit: b.limit(e, now), Held: len(e.held) + e.reservations.size,
	}
	if v.State != circuit.Closed {
		v.Since, v.Reason = webhook.Timestamp(e.circuit.Since), e.circuit.Reason
	}
	if v.State == circuit.Open {
		v.OpenUntil = webhook.Timestamp(e.circuit.Until)
	}
	if now.Before(e.limitedUntil) {
		v.LimitedUntil = webhook.Timestamp(e.limitedUntil)
	}
	return v
}

// Handler serves Breakers as JSON. It is for operators: the endpoints belong to all organizations.
func (b *Bulkheads) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		breakers := b.Breakers(maxShown + 1)
		more := len(breakers) > maxShown
		if more {
			breakers = breakers[:maxShown]
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(struct { // fails only if the client is gone
			Breakers []Breaker `json:"breakers"`
			HasMore  bool      `json:"hasMore"`
		}{breakers, more})
	})
}
