package httpapi

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"redrive/api-service/internal/reference"
)

// referencePages are the API reference. They are no operations of the contract, and need no key.
func referencePages() []route {
	return []route{
		{http.MethodGet, reference.Path, public, 0, nil, toReference},
		{http.MethodGet, reference.Path + "/*", public, 0, nil, referencePage},
	}
}

// toDocs leads a browser from the root to the reference. For other callers the root is no route.
func toDocs(c echo.Context) error {
	if !wantsPage(c.Request()) {
		return echo.ErrNotFound
	}
	return c.Redirect(http.StatusFound, reference.Path)
}

// toReference leads to the address with a slash, so that there is one alone.
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
