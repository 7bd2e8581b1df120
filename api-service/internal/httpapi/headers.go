package httpapi

import (
	"github.com/labstack/echo/v4"
)

const (
	// nothingAllowed is for answers that are no pages: should a browser take one for a page all the same, it can do nothing.
	nothingAllowed = "default-src 'none'; frame-ancestors 'none'"
	// ownPagesAllowed is for the queue's web UI, whose page has scripts and styles in it.
	ownPagesAllowed = "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; " +
		"object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

// safeHeaders go with every answer: it is to be taken for nothing but what its content type says, to be kept nowhere, and to tell
// no other site where somebody came from.
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
