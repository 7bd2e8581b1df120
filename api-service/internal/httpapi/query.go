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

// queryInContext is the key of the request's checked query.
const queryInContext = "query"

// queryOf returns the checked query. It has only parameters of the route, each of them once.
func queryOf(c echo.Context) url.Values {
	query, _ := c.Get(queryInContext).(url.Values)
	return query
}

// maxNamed is the largest number of parameters that an answer names.
const maxNamed = 5

// parseQuery parses a query strictly. It refuses a parameter that is unknown or repeated, because the answer without a misspelled filter would
// show too much. Names are compared after percent-decoding, and their case matters.
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

// misused returns what is wrong with a parameter that occurs the given number of times. The reason is empty if nothing is wrong.
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

// boolean parses a parameter that may be absent.
func boolean(query url.Values, name string, byDefault bool) (bool, error) {
	switch value := query.Get(name); {
	case !query.Has(name):
		return byDefault, nil
	case value == "true", value == "false":
		return value == "true", nil
	}
	return false, webhook.Invalid("out_of_range", name, name+" must be true or false")
}
