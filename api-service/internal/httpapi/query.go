package httpapi

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"redrive/pkg/webhook"
)

// queryInContext is the request's query, which has been checked.
const queryInContext = "query"

// queryOf is the query of a route, with parameters that it takes and each of them once.
func queryOf(c echo.Context) url.Values {
	query, _ := c.Get(queryInContext).(url.Values)
	return query
}

// maxNamed is how many parameters an answer names at most, so that it stays short.
const maxNamed = 5

// parseQuery reads a query strictly: a parameter that is not one of known, or is there twice, is refused. A filter that was dropped
// would show too much. Names are compared after percent-decoding, and with their case.
func parseQuery(raw string, known []string) (url.Values, error) {
	query, err := url.ParseQuery(raw)
	if err != nil {
		return nil, webhook.Invalid("malformed_query", "", "the query is malformed: percent-encode what is not plain, and join parameters with &")
	}
	var details []webhook.Detail
	for _, name := range slices.Sorted(maps.Keys(query)) {
		reason, message := misused(name, len(query[name]), known)
		if reason != "" && len(details) < maxNamed {
			details = append(details, webhook.Detail{Reason: reason, Field: shortened(name), Message: message})
		}
	}
	if len(details) > 0 {
		return nil, webhook.InvalidAll(details)
	}
	return query, nil
}

// misused says what is wrong with a parameter that is there so many times; nothing is if the reason is empty.
func misused(name string, times int, known []string) (reason, message string) {
	switch {
	case !slices.Contains(known, name):
		return "unknown_parameter", fmt.Sprintf("there is no query parameter %q here; %s", shortened(name), taken(known))
	case times > 1:
		return "repeated_parameter", fmt.Sprintf("the query parameter %s is there %d times; send it once", name, times)
	}
	return "", ""
}

func taken(known []string) string {
	if len(known) == 0 {
		return "this operation takes none"
	}
	return "this operation takes " + strings.Join(known, ", ") + ", spelled exactly so"
}
