package httpapi

import (
	"github.com/labstack/echo/v4"

	"redrive/pkg/webhook"
)

// subjectInContext is the key of the ID in the path, for the log.
const subjectInContext = "subject"

// pathID returns the ID in the path. It checks the ID, so that no malformed ID reaches the database.
func pathID(c echo.Context, kind webhook.Kind) (string, error) {
	id := c.Param("id")
	if err := webhook.CheckID(kind, id); err != nil {
		return "", err
	}
	c.Set(subjectInContext, id)
	return id, nil
}
