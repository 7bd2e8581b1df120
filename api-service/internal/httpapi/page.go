package httpapi

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"

	"github.com/labstack/echo/v4"

	"redrive/pkg/webhook"
)

// pageOf parses limit, offset, cursor and bodies.
func pageOf(c echo.Context) (webhook.Page, error) {
	query := queryOf(c)
	page := webhook.Page{Limit: webhook.DefaultPageLimit}
	var err error
	if query.Has("limit") {
		if page.Limit, err = integer(query, "limit", 1, webhook.MaxPageLimit); err != nil {
			return webhook.Page{}, err
		}
	}
	if page.Offset, err = offsetOf(query); err != nil {
		return webhook.Page{}, err
	}
	bodies, err := boolean(query, "bodies", true)
	if err != nil {
		return webhook.Page{}, err
	}
	page.WithoutBodies = !bodies
	if query.Has("cursor") {
		page.After, err = scopeOf(c).position(query.Get("cursor"))
	}
	return page, err
}

const (
	// maxOffset is larger than any practical offset, and within the integer range of both databases.
	maxOffset = 1_000_000_000
	// maxFilteredOffset bounds the rows that a page skips one by one, because an index has the order of a list but not of every filter.
	maxFilteredOffset = 10_000
)

// offsetOf parses the offset, which is 0 beside a cursor.
func offsetOf(query url.Values) (int, error) {
	if !query.Has("offset") {
		return 0, nil
	}
	if query.Has("cursor") {
		return 0, webhook.Invalid("cursor_with_offset", "offset", "a page has a cursor or an offset; leave out one of them")
	}
	offset, err := integer(query, "offset", 0, maxOffset)
	if err == nil && offset > maxFilteredOffset && filtered(query) {
		err = webhook.Invalid("out_of_range", "offset",
			fmt.Sprintf("with these filters, offset must not be above %d; read the list page by page with cursor", maxFilteredOffset))
	}
	return offset, err
}

// filtered reports whether the query has a filter other than endpointId, which has an index in the order of the list.
func filtered(query url.Values) bool {
	for name := range query {
		if name != "endpointId" && !slices.Contains(pageParameters, name) {
			return true
		}
	}
	return false
}

func integer(query url.Values, field string, low, high int) (int, error) {
	number, err := strconv.Atoi(query.Get(field))
	if err != nil || number < low || number > high {
		return 0, webhook.Invalid("out_of_range", field, fmt.Sprintf("%s must be a whole number between %d and %d", field, low, high))
	}
	return number, nil
}
