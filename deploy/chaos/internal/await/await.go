// Package await polls for conditions that give no signal.
package await

import (
	"context"
	"errors"
	"time"
)

// ErrPatience means that a condition did not hold within the time.
var ErrPatience = errors.New("the condition did not hold in time")

// interval is the time between two checks.
const interval = 20 * time.Millisecond

// Until checks a condition until it holds. A check with an error counts as false. After patience, Until returns ErrPatience joined with the
// error of the last check. If ctx ends before, it returns the error of ctx.
func Until(ctx context.Context, patience time.Duration, holds func() (bool, error)) error {
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		held, err := holds()
		if held && err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-deadline.C:
			return errors.Join(ErrPatience, err)
		case <-ticker.C:
		}
	}
}
