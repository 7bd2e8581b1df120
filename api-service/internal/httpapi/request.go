package httpapi

import (
	"fmt"
	"net/url"
	"strconv"

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

// pageOf parses limit and offset.
func pageOf(query url.Values) (webhook.Page, error) {
	page := webhook.Page{Limit: webhook.DefaultPageLimit}
	var err error
	if query.Has("limit") {
		if page.Limit, err = integer(query, "limit", 1, webhook.MaxPageLimit); err != nil {
			return webhook.Page{}, err
		}
	}
	if query.Has("offset") {
		if page.Offset, err = integer(query, "offset", 0, maxOffset); err != nil {
			return webhook.Page{}, err
		}
	}
	return page, nil
}

// maxOffset is larger than any practical offset, and within the integer range of both databases.
const maxOffset = 1_000_000_000

func integer(query url.Values, field string, low, high int) (int, error) {
	number, err := strconv.Atoi(query.Get(field))
	if err != nil || number < low || number > high {
		return 0, webhook.Invalid("out_of_range", field, fmt.Sprintf("%s must be a whole number between %d and %d", field, low, high))
	}
	return number, nil
}
