package audit_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/deploy/chaos/internal/audit"
	"redrive/pkg/webhook"
)

var zero = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// at returns a time of the constructed history, in seconds.
func at(seconds float64) time.Time { return zero.Add(time.Duration(seconds * float64(time.Second))) }

// tale builds a history.
type tale struct{ audit.History }

func newTale() *tale {
	return &tale{audit.History{Timeout: 5 * time.Second, Fails: func(id string) bool { return id == "dead" }}}
}

// row adds a delivery that was accepted.
func (h *tale) row(id string, status webhook.Status) *audit.Delivery {
	h.Accepted = append(h.Accepted, id)
	h.Deliveries = append(h.Deliveries, audit.Delivery{
		ID: id, Event: "evt-" + id, Path: "/hook", Status: status, MaxRetries: 1, Created: zero,
	})
	return &h.Deliveries[len(h.Deliveries)-1]
}

// request adds a request that arrives at a time and is answered a tenth of a second later.
func (h *tale) request(id string, dispatcher int, arrived float64, status int) *audit.Request {
	h.Requests = append(h.Requests, audit.Request{
		Receipt: int64(len(h.Requests) + 1), Delivery: id, Path: "/hook", Event: "evt-" + id, BodyHash: 1, Timestamp: at(arrived).Unix(),
		Dispatcher: dispatcher, Arrived: at(arrived), Answered: at(arrived + .1), Status: status,
	})
	return &h.Requests[len(h.Requests)-1]
}

// record records a request as an attempt, and updates the row.
func (h *tale) record(r *audit.Request, outcome webhook.AttemptOutcome, next float64) *audit.Attempt {
	number := 1
	for _, a := range h.Attempts {
		if a.Delivery == r.Delivery {
			number++
		}
	}
	a := audit.Attempt{
		ID: fmt.Sprintf("att-%d", len(h.Attempts)), Delivery: r.Delivery, Number: number, Outcome: outcome, Started: r.Arrived,
		Duration: 100 * time.Millisecond, Status: r.Status, Receipt: r.Receipt,
	}
	if r.Status == 0 {
		a.Receipt = 0
	}
	if next > 0 {
		a.Next = at(next)
	}
	h.Attempts = append(h.Attempts, a)
	for i := range h.Deliveries {
		if d := &h.Deliveries[i]; d.ID == r.Delivery {
			d.AttemptCount++
			if outcome != webhook.AttemptSuperseded {
				d.LastAttempt = a.ID
				d.RetryCount = number - 1
			}
		}
	}
	return &h.Attempts[len(h.Attempts)-1]
}

func (h *tale) fault(kind audit.Kind, dispatcher int, began, over float64) {
	h.Faults = append(h.Faults, audit.Fault{Kind: kind, Dispatcher: dispatcher, Began: at(began), Over: at(over)})
}

func (h *tale) check() audit.Result { return audit.Check(&h.History) }

// fine checks that the history breaks no rule.
func (h *tale) fine(t *testing.T) audit.Result {
	t.Helper()
	result := h.check()
	require.Empty(t, result.Findings)
	assert.Zero(t, result.Lost)
	return result
}

// breaks checks that the history breaks these rules and no other.
func (h *tale) breaks(t *testing.T, rules ...string) audit.Result {
	t.Helper()
	result := h.check()
	found := map[string]bool{}
	for _, finding := range result.Findings {
		found[finding.Rule] = true
	}
	want := map[string]bool{}
	for _, rule := range rules {
		want[rule] = true
	}
	require.Equal(t, want, found, "%v", result.Findings)
	return result
}

const (
	success    = webhook.AttemptSuccess
	failure    = webhook.AttemptFailure
	superseded = webhook.AttemptSuperseded
)

// delivered is a delivery that failed once and succeeded at the second attempt.
func delivered(id string) *tale {
	h := newTale()
	h.row(id, webhook.StatusSuccess)
	h.record(h.request(id, 0, 1, 500), failure, 3)
	h.record(h.request(id, 0, 3, 200), success, 0)
	return h
}
