package httpapi

import (
	"context"
	"time"

	"github.com/labstack/echo/v4"
)

const (
	// defaultDatabaseTimeout is how long a request waits for the database before its body, and again after its body. The database is
	// unavailable to a request that has no answer by then.
	defaultDatabaseTimeout = 5 * time.Second
	// batchStatements is how many times as long a batch may take: it can be many statements, each with a deadline of its own.
	batchStatements = 3
	// databaseRetryAfter is when a caller should try again.
	databaseRetryAfter = 5 * time.Second
)

// timingInContext is the key of a request's timing.
const timingInContext = "timing"

// timing is the request's context without a deadline, and the time that one statement may take.
type timing struct {
	untimed   context.Context //nolint:containedctx // it ends with the request
	statement time.Duration
}

// deadline bounds the steps before the body is read, which is the lookup of the key.
func deadline(statement time.Duration) echo.MiddlewareFunc {
	if statement == 0 {
		statement = defaultDatabaseTimeout
	}
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			ctx, cancel := context.WithCancel(c.Request().Context())
			defer cancel()
			setTiming(c, timing{ctx, statement})
			return next(c)
		}
	}
}

// setTiming replaces the request's timing, and gives the request the deadline of one statement from now on.
func setTiming(c echo.Context, t timing) {
	c.Set(timingInContext, t)
	allow(c, 1)
}

// untimed returns the request's context without a deadline.
func untimed(c echo.Context) context.Context {
	if t, ok := c.Get(timingInContext).(timing); ok {
		return t.untimed
	}
	return c.Request().Context()
}

// allow gives the request a new deadline, which is the time of the given number of statements from now on. The time that a slow client
// takes to send its body does not count.
func allow(c echo.Context, statements int) {
	t, ok := c.Get(timingInContext).(timing)
	if !ok {
		return // a test calls the handler without the middleware
	}
	ctx, cancel := context.WithTimeout(t.untimed, time.Duration(statements)*t.statement)
	context.AfterFunc(t.untimed, cancel)
	c.SetRequest(c.Request().WithContext(ctx))
}
