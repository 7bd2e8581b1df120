package audit_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"redrive/deploy/chaos/internal/audit"
	"redrive/pkg/webhook"
)

func TestCheckCorrectHistoryHasNoFindings(t *testing.T) {
	h := delivered("a")
	h.row("dead", webhook.StatusFailure)
	h.record(h.request("dead", 0, 1, 500), failure, 2)
	h.record(h.request("dead", 0, 2, 500), failure, 0)
	result := h.fine(t)
	assert.Equal(t, 2, result.Accepted)
	assert.Equal(t, 1, result.Succeeded)
	assert.Equal(t, 1, result.Failed)
	assert.Equal(t, 4, result.Requests)
	assert.Zero(t, result.Duplicates)
}

func TestLost(t *testing.T) {
	for name, spoil := range map[string]func(h *tale){
		"still waiting":           func(h *tale) { h.row("b", webhook.StatusPending) },
		"gone":                    func(h *tale) { h.Accepted = append(h.Accepted, "b") },
		"taken, and called dead":  func(h *tale) { h.row("b", webhook.StatusFailure).FailureReason = webhook.FailureOrphaned },
		"never taken, and called": func(h *tale) { h.row("dead", webhook.StatusSuccess).FailureReason = "x" },
	} {
		t.Run(name, func(t *testing.T) {
			h := delivered("a")
			spoil(h)
			assert.Equal(t, 1, h.breaks(t, "lost").Lost)
		})
	}
}

// A delivery whose answer was lost must end too. It does not count as accepted.
func TestUnanswered(t *testing.T) {
	h := delivered("a")
	h.Accepted = nil
	result := h.fine(t)
	assert.Equal(t, 1, result.Unanswered)

	h.Deliveries[0].Status = webhook.StatusRetrying
	result = h.breaks(t, "lost, though never answered for")
	assert.Zero(t, result.Lost)
}

func TestIdentities(t *testing.T) {
	for rule, spoil := range map[string]func(h *tale){
		"signature":      func(h *tale) { h.Requests[1].Problem = "no matching signature" },
		"unknown sender": func(h *tale) { h.Requests[1].Dispatcher = -1 },
		"body changed":   func(h *tale) { h.Requests[1].BodyHash = 2 },
		"misdirected":    func(h *tale) { h.Deliveries[0].Path, h.Requests[0].Path = "/other", "/other" },
		"accepted twice": func(h *tale) { h.Accepted = append(h.Accepted, "a") },
		"unknown webhook-id": func(h *tale) {
			h.request("stranger", 0, 9, 200)
		},
	} {
		t.Run(rule, func(t *testing.T) {
			h := delivered("a")
			spoil(h)
			h.breaks(t, rule)
		})
	}
	t.Run("webhook-id changed", func(t *testing.T) {
		h := delivered("a")
		h.row("b", webhook.StatusSuccess).Event = "evt-a"
		r := h.request("b", 0, 5, 200)
		r.Event = "evt-a"
		h.record(r, success, 0)
		h.breaks(t, "webhook-id changed")
	})
}

func TestRecordAndReceiverAgree(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(h *tale)
		rules []string
	}{
		"another status": {func(h *tale) { h.Attempts[0].Status = 503 }, []string{"record disagrees", "request without a record"}},
		"another's answer": {func(h *tale) {
			h.row("b", webhook.StatusSuccess)
			h.record(h.request("b", 0, 1, 200), success, 0).Receipt = 1
		}, []string{"record disagrees", "request without a record"}},
		"an answer never given": {func(h *tale) { h.Attempts[0].Receipt = 99 }, []string{"record without a request", "request without a record"}},
		"an answer without a receipt": {
			func(h *tale) { h.Attempts[0].Receipt = 0 },
			[]string{"record without a request", "request without a record"},
		},
		"one request twice": {func(h *tale) {
			h.Attempts[1].Receipt, h.Attempts[1].Status = 1, 500
		}, []string{"recorded twice", "request without a record"}},
		"no answer, which there was": {func(h *tale) {
			h.Attempts[0].Status, h.Attempts[0].Receipt = 0, 0
		}, []string{"record disagrees"}},
		"no answer to nothing": {func(h *tale) {
			h.Requests[0].Status = 0
			h.Attempts[0].Status, h.Attempts[0].Receipt, h.Attempts[0].Started = 0, 0, at(.2)
		}, []string{"record without a request", "request without a record"}},
	} {
		t.Run(name, func(t *testing.T) {
			h := delivered("a")
			c.spoil(h)
			h.breaks(t, c.rules...)
		})
	}
}

// A connection that is closed instead of an answer has no receipt. The request is matched by its time.
func TestNoAnswer(t *testing.T) {
	h := newTale()
	h.row("a", webhook.StatusSuccess)
	h.record(h.request("a", 0, 1, 0), failure, 2)
	h.record(h.request("a", 0, 2, 200), success, 0)
	h.fine(t)
}

// A dispatcher that was suspended, or that timed out, records no answer although the receiver sent one.
func TestAnswerNotHeard(t *testing.T) {
	late := func() *tale {
		h := newTale()
		h.row("a", webhook.StatusSuccess)
		r := h.request("a", 0, 1, 200)
		a := h.record(r, failure, 9)
		a.Status, a.Receipt, a.Duration = 0, 0, 5*time.Second
		h.record(h.request("a", 0, 9, 200), success, 0)
		return h
	}
	h := late()
	h.breaks(t, "record disagrees")
	h = late()
	h.Requests[0].Answered = at(6.1)
	h.fine(t)
	h = late()
	h.Requests[0].Abandoned = true
	h.fine(t)
	h = late()
	h.fault(audit.DispatcherFrozen, 0, 1.05, 8)
	h.fine(t)
}

func TestOverwritten(t *testing.T) {
	t.Run("after the end", func(t *testing.T) {
		h := delivered("a")
		h.record(h.request("a", 1, 2.9, 200), success, 0) // started before the end, and recorded after it
		h.breaks(t, "overwritten")
	})
	t.Run("begun before the decision that it counts on", func(t *testing.T) {
		h := delivered("a")
		h.Attempts[0].Duration = 2500 * time.Millisecond
		h.Attempts[0].Next = at(3)
		h.breaks(t, "overwritten")
	})
	t.Run("sent after the end", func(t *testing.T) {
		h := delivered("a")
		h.record(h.request("a", 0, 30, 200), superseded, 0)
		h.fault(audit.RedisFlushed, 0, 2, 2)
		h.breaks(t, "sent after the end")
	})
}

func TestRowFollowsTheLastDecision(t *testing.T) {
	for name, spoil := range map[string]func(h *tale){
		"another attempt": func(h *tale) { h.Deliveries[0].LastAttempt = "att-0" },
		"no attempt":      func(h *tale) { h.Attempts, h.Requests, h.Deliveries[0].AttemptCount = nil, nil, 0 },
		"one that did not end it": func(h *tale) {
			h.Attempts[1].Next = at(50)
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := delivered("a")
			spoil(h)
			h.breaks(t, "row without a reason")
		})
	}
	t.Run("given up early", func(t *testing.T) {
		h := newTale()
		h.row("dead", webhook.StatusFailure).MaxRetries = 3
		h.record(h.request("dead", 0, 1, 500), failure, 0)
		h.breaks(t, "given up early")
	})
	t.Run("misnumbered", func(t *testing.T) {
		h := delivered("a")
		h.Attempts[1].Number = 5
		h.breaks(t, "attempts misnumbered")
		h.Attempts[1].Number = 2
		h.Deliveries[0].AttemptCount = 3
		h.breaks(t, "attempts misnumbered")
	})
}

func TestCheckEarlySendIsFinding(t *testing.T) {
	h := delivered("a")
	h.Attempts[0].Next = at(3.9)
	h.fine(t) // within the slack
	h.Attempts[0].Next = at(4.5)
	h.breaks(t, "sent early")

	h = delivered("a")
	h.Requests[0].Status, h.Attempts[0].Status = 429, 429
	h.Requests[0].RetryAfter = 2 * time.Second
	h.fine(t)
	h.Requests[0].RetryAfter = 4 * time.Second
	h.breaks(t, "sent early")
}
