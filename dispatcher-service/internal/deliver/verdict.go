package deliver

import (
	"fmt"
	"time"

	"redrive/pkg/webhook"
)

// Verdict is what the queue is to do with a task.
type Verdict struct {
	Kind   VerdictKind
	At     time.Time // of Retry and Snooze
	Reason string    // shown to the operator
}

// VerdictKind is one of four.
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

// Snooze puts the task off without an attempt.
func Snooze(at time.Time, reason string) Verdict {
	return Verdict{Kind: KindSnooze, At: at, Reason: reason}
}

// verdictOf follows the row.
func verdictOf(d webhook.Delivery, reason string) Verdict {
	switch d.Status {
	case webhook.StatusSuccess:
		return Done()
	case webhook.StatusFailure:
		return Verdict{Kind: KindDead, Reason: reason}
	case webhook.StatusRetrying:
		return Verdict{Kind: KindRetry, At: d.NextRetryAt, Reason: fmt.Sprintf("%s; retry %d of %d follows", reason, d.RetryCount+1, d.MaxRetries)}
	default:
		return Snooze(time.Now(), reason) // pending is now, whatever the clock of who wrote it says
	}
}
