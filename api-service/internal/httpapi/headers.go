package httpapi

import (
	"github.com/labstack/echo/v4"
)

const (
	// nothingAllowed is for answers that are not pages. If a browser renders one as a page, the page can do nothing.
	nothingAllowed = "default-src 'none'; frame-ancestors 'none'"
	// ownPagesAllowed is for the queue's web UI, whose page has inline scripts and styles.
	ownPagesAllowed = "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; " +
		"object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

// safeHeaders sets security headers on every answer. They disable MIME sniffing, caching, the Referer header, framing and active content.
func safeHeaders(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		header := c.Response().Header()
		header.Set(echo.HeaderXContentTypeOptions, "nosniff")
		header.Set(echo.HeaderCacheControl, "no-store")
		header.Set(echo.HeaderReferrerPolicy, "no-referrer")
		header.Set(echo.HeaderContentSecurityPolicy, nothingAllowed)
		header.Set(echo.HeaderXFrameOptions, "DENY")
		return next(c)
	}
}
