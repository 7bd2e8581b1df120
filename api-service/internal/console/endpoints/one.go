package endpoints

import (
	"cmp"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"redrive/api-service/internal/console/resource"
	"redrive/api-service/internal/console/web"
	"redrive/api-service/internal/console/web/chart"
	"redrive/pkg/webhook"
)

type oneView struct {
	Endpoint   resource.Endpoint
	Statistics resource.Statistics
	Chart      chart.Chart
	Errors     []errorCount
	Deliveries []resource.Delivery
	Changes    []change
	// MoreChanges says that there are older changes than those of the page.
	MoreChanges bool
	// MissedFrom is since when the endpoint was disabled, if it was just enabled.
	MissedFrom time.Time
	Commands   []command
}

// SuccessRate returns how many of the deliveries that ended were successful, in percent, or "" if none ended.
func (v oneView) SuccessRate() string {
	return chart.Rate(v.Statistics.Totals.Succeeded, v.Statistics.Totals.Failed)
}

// Waiting returns the number of deliveries that wait.
func (v oneView) Waiting() string { return waitingOf(v.Statistics) }

// Where returns the query of the list of the endpoint's deliveries, with one more filter.
func (v oneView) Where(name, value string) url.Values { return where(v.Endpoint.ID, name, value) }

// All returns the query of the list of all deliveries of the endpoint.
func (v oneView) All() url.Values { return url.Values{"endpointId": {v.Endpoint.ID}} }

// Missed returns the query of the page for a bulk job that sends what the endpoint has missed.
func (v oneView) Missed() url.Values {
	return url.Values{"action": {"deliver"}, "endpointId": {v.Endpoint.ID}, "from": {webhook.FormatTime(v.MissedFrom)}}
}

func where(endpointID, name, value string) url.Values {
	return url.Values{"endpointId": {endpointID}, name: {value}}
}

// command is a call of the API that an action makes.
type command struct{ Name, Text string }

// errorCount is how often attempts have failed with an error. Code is that of the guide's paragraph, and Query that of the list of deliveries
// whose last attempt has failed so.
type errorCount struct {
	Name, Code string
	Query      url.Values
	Count      int64
}

const (
	deliveriesShown = 10
	changesShown    = 20
	// missedParameter is the page's parameter with the time since when the endpoint was disabled.
	missedParameter = "missed"
)

func show(q *web.Request) error {
	var v oneView
	var err error
	if v.Endpoint, err = find(q); err != nil {
		return err
	}
	one := base + "/" + v.Endpoint.ID
	var found resource.List[resource.Delivery]
	var changes resource.List[resource.Change]
	for _, read := range []struct {
		path  string
		query url.Values
		into  any
	}{
		{one + "/stats", nil, &v.Statistics},
		{deliveries, url.Values{"endpointId": {v.Endpoint.ID}, "limit": {web.Count(deliveriesShown)}, "bodies": {"false"}}, &found},
		{one + "/changes", url.Values{"limit": {web.Count(changesShown)}}, &changes},
	} {
		if err := q.Get(read.path, read.query, read.into); err != nil {
			return err
		}
	}
	v.Deliveries, v.MoreChanges = found.Items, changes.HasMore
	if v.Changes, err = readable(changes.Items); err != nil {
		return err
	}
	v.Chart, v.Errors = chart.New(v.Statistics.Series), errorsOf(v.Endpoint.ID, v.Statistics.Totals.Errors)
	if at, err := time.Parse(time.RFC3339, q.Query(missedParameter)); err == nil && !v.Endpoint.Disabled() {
		v.MissedFrom = at
	}
	v.Commands = commandsOf(q, v.Endpoint)
	return q.Show(onePage, "Endpoint", v)
}

// errorsOf returns the errors, the most frequent first. The API counts answers by their class, such as 5xx.
func errorsOf(endpointID string, counts map[string]int64) []errorCount {
	var errors []errorCount
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		counted := errorCount{Name: name, Code: name, Query: where(endpointID, "errorCode", name), Count: counts[name]}
		if strings.HasSuffix(name, "xx") {
			counted.Code, counted.Query = string(webhook.ErrorHTTPStatus), where(endpointID, "responseStatus", name)
		}
		errors = append(errors, counted)
	}
	slices.SortStableFunc(errors, func(a, b errorCount) int { return cmp.Compare(b.Count, a.Count) })
	return errors
}

// commandsOf returns the calls of the actions that the endpoint allows.
func commandsOf(q *web.Request, e resource.Endpoint) []command {
	one := base + "/" + e.ID
	call := func(action string) string { return q.Curl(http.MethodPost, one+"/"+action, "") }
	commands := []command{
		{"Read", q.Curl(http.MethodGet, one, "")},
		{"Statistics", q.Curl(http.MethodGet, one+"/stats", "")},
		{"Changes", q.Curl(http.MethodGet, one+"/changes", "")},
		{"Send a test", q.Curl(http.MethodPost, one+"/test", `{"eventType": "`+webhook.EventTypeTest+`"}`)},
		{"Edit", q.Curl(http.MethodPatch, one, `{"description": "Written by curl"}`)},
	}
	if e.Paused() {
		commands = append(commands, command{"Resume", call("resume")})
	} else {
		commands = append(commands, command{"Pause", call("pause")})
	}
	if e.Disabled() {
		commands = append(commands, command{"Enable", call("enable")})
	} else {
		commands = append(commands, command{"Disable", call("disable")})
	}
	return append(commands,
		command{"Rotate the secret", q.Curl(http.MethodPost, one+"/regenerate-secret", `{"overlapHours": 24}`)},
		command{"Delete", q.Curl(http.MethodDelete, one, "")})
}
