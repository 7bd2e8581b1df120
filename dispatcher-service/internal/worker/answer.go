package worker

import (
	"errors"
	"math/rand/v2"
	"time"

	"github.com/hibiken/asynq"

	"redrive/dispatcher-service/internal/deliver"
)

// later is the error that makes asynq run the task again at a time.
type later struct {
	at     time.Time
	reason string
	failed bool // an attempt was made and failed
}

func (l *later) Error() string { return l.reason }

// dead is the error that makes asynq archive the task, with the reason as its last error.
type dead struct{ reason string }

func (d *dead) Error() string { return d.reason }

// Is makes the error match asynq.SkipRetry.
func (d *dead) Is(target error) bool { return target == asynq.SkipRetry }

// answer returns the error that makes asynq apply the verdict.
func answer(v deliver.Verdict) error {
	switch v.Kind {
	case deliver.KindRetry:
		return &later{at: v.At, reason: v.Reason, failed: true}
	case deliver.KindSnooze:
		return &later{at: v.At, reason: v.Reason}
	case deliver.KindDead:
		return &dead{v.Reason}
	default:
		return nil
	}
}

// isFailure reports whether a run counts as failed in asynq's statistics and in the task's count of retries. A failed attempt does. A
// snooze and a failure of this process do not. asynq calls it for tasks that run again; an archived task always counts.
func isFailure(err error) bool {
	var l *later
	if errors.As(err, &l) {
		return l.failed
	}
	return errors.Is(err, asynq.SkipRetry)
}

// retryDelay returns how long asynq has to wait after an error. A time from the verdict is rounded up to whole seconds, because asynq
// truncates it. After any other error the task runs again within 1 to 5 s, at random.
func retryDelay(_ int, err error, _ *asynq.Task) time.Duration {
	var l *later
	if !errors.As(err, &l) {
		return time.Second + rand.N(4*time.Second)
	}
	wait := max(0, time.Until(l.at))
	if whole := wait.Truncate(time.Second); whole != wait {
		return whole + time.Second
	}
	return wait
}
