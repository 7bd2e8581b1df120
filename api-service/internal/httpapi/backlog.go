package httpapi

import (
	"github.com/labstack/echo/v4"

	"redrive/api-service/internal/waitlimit"
)

// withinBacklog refuses a request that publishes for an organization with as many waiting deliveries as its limit, before anything is
// written.
func withinBacklog(limiter *waitlimit.Limiter, next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if err := limiter.Check(c.Request().Context(), identityOf(c).Organization); err != nil {
			return err
		}
		return next(c)
	}
}
