package httpapi

import (
	"context"
	"errors"
	"runtime"
	"time"

	"github.com/labstack/echo/v4"
	"golang.org/x/sync/semaphore"

	"redrive/pkg/memory"
	"redrive/pkg/webhook"
)

const (
	// memoryWait is how long a request waits for memory. It is below the time in which a proxy or a client gives up.
	memoryWait = 10 * time.Second
	// memoryRetryAfter is when a caller should try again. Large requests take a few seconds.
	memoryRetryAfter = 5 * time.Second
	// bodyCopies is how many copies of a body exist while a request is served: as it was received, taken apart, as the event keeps it, and
	// as the database or the client receives it.
	bodyCopies = 4
)

// budget is the memory that all requests share.
type budget struct {
	*memory.Budget
	wait  time.Duration
	large turns
}

// turns limits how much work on large pages is done at the same time. Small requests then find a processor free, however many large pages
// are read. The zero value sets no limit.
type turns struct{ free *semaphore.Weighted }

// newTurns leaves one processor to other requests, if there is more than one.
func newTurns() turns { return turns{semaphore.NewWeighted(int64(max(1, runtime.GOMAXPROCS(0)-1)))} }

// do runs the work in its turn. Turns are in order of arrival.
func (t turns) do(ctx context.Context, work func() error) error {
	if t.free != nil {
		if err := t.free.Acquire(ctx, 1); err != nil {
			return err
		}
		defer t.free.Release(1)
	}
	return work()
}

// turnsFor returns the turns for work that takes so much memory.
func (b budget) turnsFor(size int64) turns {
	if size > memory.Small {
		return b.large
	}
	return turns{}
}

// reserve takes a part of the budget for a request. The caller has to call release. An error means that others had the memory for all
// the time that a request waits.
func (b budget) reserve(c echo.Context, size int64) (release func(), err error) {
	if size == 0 {
		return func() {}, nil
	}
	ctx, cancel := context.WithTimeout(untimed(c), b.wait)
	defer cancel()
	reservation, err := b.Reserve(ctx, caller(c).OrganizationID, size)
	if errors.Is(err, context.DeadlineExceeded) {
		return nil, webhook.Overloaded(memoryRetryAfter, err)
	}
	if err != nil {
		return nil, err
	}
	return reservation.Release, nil
}

// reserveBody takes the memory for the request's body. A body of unknown length may be as long as the limit.
func (b budget) reserveBody(c echo.Context, limit int64) (release func(), err error) {
	length := c.Request().ContentLength
	if length < 0 {
		length = limit
	}
	return b.reserve(c, bodyCopies*length)
}
