package httpapi

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"redrive/api-service/openapi"
)

func openAPIYAML(c echo.Context) error {
	document, err := openapi.YAML()
	if err != nil {
		return err
	}
	return c.Blob(http.StatusOK, "application/yaml", document)
}

func openAPIJSON(c echo.Context) error {
	document, err := openapi.JSON()
	if err != nil {
		return err
	}
	return c.JSONBlob(http.StatusOK, document)
}
