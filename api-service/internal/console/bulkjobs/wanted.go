package bulkjobs

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"redrive/api-service/internal/console/pages"
	"redrive/pkg/webhook"
)

// wanted is a job as a form or an address has it: texts that the API has not checked.
type wanted struct {
	Action action
	// Filter has the filters of the action, by their parameters.
	Filter url.Values
	// EndpointID is where the events of the action deliver go. For other actions, an endpoint is one of the filters.
	EndpointID string
	// MaxDeliveries is empty for all.
	MaxDeliveries string
	PerSecond     string
}

// wantedOf returns the job of an address or a form. Filters that the action does not take are left out.
func wantedOf(values url.Values) wanted {
	text := func(name string) string { return strings.TrimSpace(values.Get(name)) }
	w := wanted{Action: actionOf(text("action")), MaxDeliveries: text("maxDeliveries"), PerSecond: text("perSecond")}
	if !slices.Contains(webhook.BulkActions, w.Action.Name) {
		w.Action = actionOf(string(fitting(text("status"))))
	}
	w.Filter = pages.Filter(values, w.Action.parameters())
	if w.Action.Events() {
		w.EndpointID = text("endpointId")
	}
	if !values.Has("perSecond") {
		w.PerSecond = strconv.Itoa(webhook.DefaultBulkPerSecond)
	}
	return w
}

// fitting returns the action to begin with for deliveries of these statuses: cancel for those that wait, otherwise retry.
func fitting(statuses string) webhook.BulkAction {
	for status := range strings.SplitSeq(statuses, ",") {
		if status != string(webhook.StatusPending) && status != string(webhook.StatusRetrying) {
			return webhook.BulkRetry
		}
	}
	return webhook.BulkCancel
}

// query returns the address of the job to make.
func (w wanted) query() url.Values {
	query := url.Values{"action": {string(w.Action.Name)}}
	for name := range w.Filter {
		query[name] = w.Filter[name]
	}
	for name, value := range map[string]string{"endpointId": w.EndpointID, "maxDeliveries": w.MaxDeliveries} {
		if value != "" {
			query.Set(name, value)
		}
	}
	query.Set("perSecond", w.PerSecond)
	return query
}

// as returns the same job with another action, as an address. Filters that the other action does not take are left out with it.
func (w wanted) as(other webhook.BulkAction) url.Values {
	return pages.With(w.query(), "action", string(other))
}

// body returns the body of the calls that plan and make the job.
func (w wanted) body() body {
	b := body{Action: w.Action.Name, Filter: pages.Flat(w.Filter), EndpointID: w.EndpointID}
	if w.MaxDeliveries != "" {
		b.MaxDeliveries = pages.Number(w.MaxDeliveries)
	}
	if w.PerSecond != "" {
		b.PerSecond = pages.Number(w.PerSecond)
	}
	return b
}

// body is the body of the calls that plan and make a job. Its numbers are texts where a form's text is no number.
type body struct {
	Action        webhook.BulkAction `json:"action"`
	Filter        map[string]string  `json:"filter"`
	EndpointID    string             `json:"endpointId,omitempty"`
	MaxDeliveries any                `json:"maxDeliveries,omitempty"`
	PerSecond     any                `json:"perSecond,omitempty"`
}
