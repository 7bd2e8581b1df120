package httpapi

import (
	"cmp"
	"net/http"

	"github.com/labstack/echo/v4"

	"redrive/api-service/internal/reference"
)

// referencePages returns the routes of the API reference. They are not operations of the contract and need no key.
func referencePages() []route {
	return []route{
		{http.MethodGet, reference.Path, public, 0, nil, toReference},
		{http.MethodGet, reference.Path + "/*", public, 0, nil, referencePage},
	}
}

// toPages redirects a browser from the root to the console, or to the reference without one. For other callers, the root is not a route.
func toPages(console string) echo.HandlerFunc {
	return func(c echo.Context) error {
		if !wantsPage(c.Request()) {
			return echo.ErrNotFound
		}
		return c.Redirect(http.StatusFound, cmp.Or(console, reference.Path))
	}
}

// toReference redirects to the address with a slash, so that the reference has only one address.
func toReference(c echo.Context) error {
	return c.Redirect(http.StatusPermanentRedirect, reference.Path+"/")
}

func referencePage(c echo.Context) error {
	found, err := reference.Serve(c.Response(), c.Request(), c.Param("*"))
	if err == nil && !found {
		return echo.ErrNotFound
	}
	return err
}
