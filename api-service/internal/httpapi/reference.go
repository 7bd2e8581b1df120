package httpapi

import (
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

// toDocs redirects a browser from the root to the reference. For other callers, the root is not a route.
func toDocs(c echo.Context) error {
	if !wantsPage(c.Request()) {
		return echo.ErrNotFound
	}
	return c.Redirect(http.StatusFound, reference.Path)
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
