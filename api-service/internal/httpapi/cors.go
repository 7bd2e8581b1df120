package httpapi

import (
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"
)

const (
	corsMethods = "GET, HEAD, POST, PUT, PATCH, DELETE"
	corsHeaders = "Authorization, Content-Type, Idempotency-Key, X-Org-ID, X-Request-Id"
	corsExposed = "X-Request-Id, Retry-After, Idempotency-Replayed"
	corsMaxAge  = "600" // seconds for which a browser caches the answer
)

// cors allows pages of the given origins to call the API from a browser. Without origins, it does nothing. Browser credentials such as
// cookies are not allowed, because a page has to send an API key. The queue's web UI is excluded.
func cors(origins []string) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		if len(origins) == 0 {
			return next
		}
		return func(c echo.Context) error {
			path := c.Request().URL.Path
			if path == queuesPath || strings.HasPrefix(path, queuesPath+"/") {
				return next(c)
			}
			header := c.Response().Header()
			header.Add(echo.HeaderVary, echo.HeaderOrigin)
			origin := c.Request().Header.Get(echo.HeaderOrigin)
			if !slices.Contains(origins, origin) {
				return next(c)
			}
			header.Set(echo.HeaderAccessControlAllowOrigin, origin)
			if c.Request().Method == http.MethodOptions && c.Request().Header.Get(echo.HeaderAccessControlRequestMethod) != "" {
				header.Set(echo.HeaderAccessControlAllowMethods, corsMethods)
				header.Set(echo.HeaderAccessControlAllowHeaders, corsHeaders)
				header.Set(echo.HeaderAccessControlMaxAge, corsMaxAge)
				return c.NoContent(http.StatusNoContent)
			}
			header.Set(echo.HeaderAccessControlExposeHeaders, corsExposed)
			return next(c)
		}
	}
}
