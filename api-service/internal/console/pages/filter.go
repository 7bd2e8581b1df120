package pages

import (
	"maps"
	"net/url"
	"slices"
	"strings"
)

// labels are the names of the filters on pages, by their parameters.
var labels = map[string]string{
	"status": "Status", "endpointId": "Endpoint", "eventId": "Event", "eventType": "Event type", "failureReason": "Failure reason", "errorCode": "Error code",
	"responseStatus": "Response status", "bulkJobId": "Bulk job", "workflowId": "Workflow", "runId": "Run", "executionId": "Execution", "from": "From", "to": "To",
}

// Label returns the name of a filter on pages.
func Label(parameter string) string { return labels[parameter] }

// Filter returns the parameters of a query that are set, without space around their values.
func Filter(query url.Values, parameters []string) url.Values {
	filter := url.Values{}
	for _, name := range parameters {
		if value := strings.TrimSpace(query.Get(name)); value != "" {
			filter.Set(name, value)
		}
	}
	return filter
}

// Unknown returns the name of a parameter that is no filter of a list and not its cursor, or "".
func Unknown(query url.Values, parameters []string) string {
	for _, name := range slices.Sorted(maps.Keys(query)) {
		if name != "cursor" && !slices.Contains(parameters, name) {
			return name
		}
	}
	return ""
}

// Flat returns the first value of each parameter.
func Flat(values url.Values) map[string]string {
	flat := make(map[string]string, len(values))
	for name := range values {
		flat[name] = values.Get(name)
	}
	return flat
}

// Without returns the values without one parameter. It does not change the values.
func Without(values url.Values, name string) url.Values {
	rest := url.Values{}
	for other := range values {
		if other != name {
			rest[other] = values[other]
		}
	}
	return rest
}

// With returns the values with one parameter set. It does not change the values.
func With(values url.Values, name, value string) url.Values {
	set := Without(values, name)
	set.Set(name, value)
	return set
}

// Chip is a filter that is set.
type Chip struct {
	Name, Value string
	// Path is where the chip leads.
	Path string
}

// Chips returns the chips of a filter in the order of the parameters. The path of each is what to returns for its parameter.
func Chips(filter url.Values, parameters []string, endpoints Endpoints, to func(parameter string) string) []Chip {
	var chips []Chip
	for _, name := range parameters {
		value := filter.Get(name)
		if value == "" {
			continue
		}
		if name == "endpointId" {
			value = endpoints.Name(value)
		}
		chips = append(chips, Chip{Label(name), value, to(name)})
	}
	return chips
}
