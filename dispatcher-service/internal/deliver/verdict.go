package deliver

import (
	"fmt"
	"time"

	"redrive/pkg/webhook"
)

// Verdict is what the queue must do with a task.
type Verdict struct {
	Kind   VerdictKind
	At     time.Time // of Retry and Snooze
	Reason string    // shown to the operator
	Stay   bool      // of Snooze: the task stays in the queue. At most as many tasks as workers do
	// Rest is set with Snooze if this process lacks something, such as memory, that further deliveries of the lane would lack too.
	Rest bool
}

// VerdictKind is the action of a verdict.
type VerdictKind int

// The kinds of verdicts.
const (
	KindDone   VerdictKind = iota // remove the task
	KindRetry                     // run it again at a time: an attempt failed
	KindSnooze                    // run it again at a time: no attempt was made
	KindDead                      // archive it: the dead letters that an operator sees
)

func (k VerdictKind) String() string {
	return [...]string{"done", "retry", "snooze", "dead"}[k]
}

// Done removes the task.
func Done() Verdict { return Verdict{Kind: KindDone} }

// Snooze runs the task again at a time. No attempt was made.
func Snooze(at time.Time, reason string) Verdict {
	return Verdict{Kind: KindSnooze, At: at, Reason: reason}
}

// stay is Snooze of a task that stays in the queue for that time.
func stay(at time.Time, reason string) Verdict {
	return Verdict{Kind: KindSnooze, At: at, Reason: reason, Stay: true}
}

// rest is Snooze because this process lacks something. Its lane rests for that time.
func rest(at time.Time, reason string) Verdict {
	return Verdict{Kind: KindSnooze, At: at, Reason: reason, Rest: true}
}

// verdictOf returns the verdict that follows from the row.
func verdictOf(d webhook.Delivery, reason string) Verdict {
	switch d.Status {
	case webhook.StatusSuccess:
		return Done()
	case webhook.StatusFailure:
		if !d.FailureReason.AfterAttempt() {
			return Done()
		}
		return Verdict{Kind: KindDead, Reason: reason}
	case webhook.StatusRetrying:
		return Verdict{Kind: KindRetry, At: d.NextRetryAt, Reason: fmt.Sprintf("%s; retry %d of %d follows", reason, d.RetryCount+1, d.MaxRetries)}
	default:
		return Snooze(time.Now(), reason) // a pending delivery is due now, even if the clock of its writer was ahead
	}
}
