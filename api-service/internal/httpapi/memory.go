package httpapi

import (
	"context"
	"errors"
	"time"

	"github.com/labstack/echo/v4"

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
	wait time.Duration
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
