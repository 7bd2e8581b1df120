package httpapi

import (
	"context"
	"time"

	"github.com/labstack/echo/v4"
)

const (
	// databaseTimeout is what a request waits for the database before its body, and after: as long as a statement of the
	// dispatcher's may take. One that does not answer by then is unavailable.
	databaseTimeout = 5 * time.Second
	// batchTimeout is for a batch, which can be many statements; each of them has its own.
	batchTimeout = 15 * time.Second
)

// untimedInContext is the request's context without a deadline.
const untimedInContext = "untimed"

// deadline bounds what comes before a handler's own work: whose key it is.
func deadline(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		ctx, cancel := context.WithCancel(c.Request().Context())
		defer cancel()
		c.Set(untimedInContext, ctx)
		allow(c, databaseTimeout)
		return next(c)
	}
}

// allow gives the request so long from now on. What a slow client takes to send its body is not for the database to make up for.
func allow(c echo.Context, timeout time.Duration) {
	untimed, ok := c.Get(untimedInContext).(context.Context)
	if !ok {
		return // a handler of its own, in a test
	}
	ctx, cancel := context.WithTimeout(untimed, timeout)
	context.AfterFunc(untimed, cancel)
	c.SetRequest(c.Request().WithContext(ctx))
}
