package audit_test

import (
	"testing"
	"time"

	"redrive/deploy/chaos/internal/audit"
	"redrive/pkg/webhook"
)

// retried is a delivery that its receiver never takes, which was retried by hand after it had failed.
func retried() *tale {
	h := newTale()
	h.row("dead", webhook.StatusFailure)
	h.record(h.request("dead", 0, 1, 500), failure, 2)
	h.record(h.request("dead", 0, 2, 500), failure, 0)
	h.record(h.request("dead", 0, 11, 500), failure, 12)
	h.record(h.request("dead", 0, 12, 500), failure, 0)
	h.Deliveries[0].RetryCount = 1 // of the fresh set
	h.Retries = []audit.Retry{{Delivery: "dead", Began: at(2.05), Ended: at(10), Answered: true}}
	return h
}

func TestRetryByHandIsFollowed(t *testing.T) {
	h := retried()
	h.fine(t)
	h.Retries[0].Answered = false // the answer was lost
	h.fine(t)
	h.Retries = nil
	h.breaks(t, "overwritten", "sent after the end")
}

func TestRetryByHandNotMade(t *testing.T) {
	h := newTale()
	h.row("dead", webhook.StatusFailure)
	h.record(h.request("dead", 0, 1, 500), failure, 2)
	h.record(h.request("dead", 0, 2, 500), failure, 0)
	h.Retries = []audit.Retry{{Delivery: "dead", Began: at(2.05), Ended: at(10), Answered: true}}
	h.breaks(t, "retry not made")
	h.Retries[0].Answered = false
	h.fine(t)
}

func TestRetryByHandGivesEveryRetryAgain(t *testing.T) {
	h := retried()
	h.Attempts[2].Next = time.Time{} // it gave up after one attempt
	h.breaks(t, "overwritten", "sent after the end", "given up early")
}

// An attempt of a dispatcher that does not reach its receiver has no request, or its request arrives when the partition is over.
func TestAttemptWithoutReceivers(t *testing.T) {
	cut := func() *tale {
		h := newTale()
		h.row("a", webhook.StatusSuccess)
		a := h.record(h.request("a", 0, 1, 200), failure, 9)
		a.Status, a.Receipt, a.Duration = 0, 0, 5*time.Second
		h.record(h.request("a", 0, 9, 200), success, 0)
		return h
	}
	h := cut()
	h.breaks(t, "record disagrees")
	h.fault(audit.ReceiversPartitioned, 0, .5, 8)
	h.fine(t)

	h = cut()
	h.Requests[0].Status, h.Requests[0].RetryAfter = 503, time.Minute // the answer was lost
	h.fault(audit.ReceiversPartitioned, 0, .5, 8)
	h.fine(t)

	h = cut()
	h.Requests[0].Arrived, h.Requests[0].Answered = at(8.1), at(8.2) // sent again by TCP
	h.breaks(t, "record without a request", "request without a record")
	h.fault(audit.ReceiversPartitioned, 0, .5, 8)
	h.fine(t)
}
