package bulkjobs

import (
	"redrive/api-service/internal/console/web"
	"redrive/pkg/webhook"
)

// action is what the pages say of one action of bulk jobs.
type action struct {
	Name webhook.BulkAction
	Verb string
	// Explained says what the action does and what it takes.
	Explained string
	// one and many are what the action takes.
	one, many string
}

// actions are the actions in the order in which the pages offer them.
var actions = []action{
	{webhook.BulkRetry, "Retry", "Sends failed deliveries again, each with a fresh set of retries. Cancelled deliveries are passed over, unless the failure reason names them.", "delivery", "deliveries"},
	{webhook.BulkReplay, "Replay", "Makes a new delivery of the same event for each delivery, whatever its status is.", "delivery", "deliveries"},
	{webhook.BulkCancel, "Cancel", "Ends deliveries that wait for an attempt. Nothing more is sent for them.", "delivery", "deliveries"},
	{webhook.BulkDeliver, "Deliver", "Sends events to one endpoint that it has no delivery of, if it subscribes to their types now.", "event", "events"},
}

// actionOf returns the words for an action. An action that is unknown to this version is shown by its own name.
func actionOf(name string) action {
	for _, known := range actions {
		if string(known.Name) == name {
			return known
		}
	}
	return action{Name: webhook.BulkAction(name), Verb: name, one: "delivery", many: "deliveries"}
}

// Things writes a number of what the action takes.
func (a action) Things(n int64) string {
	if n == 1 {
		return "1 " + a.one
	}
	return web.Count(n) + " " + a.many
}

// Events reports whether the action takes events. The others take deliveries.
func (a action) Events() bool { return a.Name == webhook.BulkDeliver }

// Section returns the path of the list of what the action takes.
func (a action) Section() string { return a.many }

// parameters returns the filters of the action.
func (a action) parameters() []string {
	if a.Events() {
		return webhook.EventParameters
	}
	return webhook.DeliveryParameters
}

// skips are the reasons for which a job passes over something, in words.
var skips = map[string]string{
	webhook.SkippedCancelled:          "It was cancelled before, and the filter does not name cancelled deliveries.",
	webhook.SkippedHasDelivery:        "The endpoint has a delivery of the event.",
	webhook.SkippedNoLongerMatching:   "It was counted, and did not match or exist any more when the job reached it.",
	webhook.SkippedDeliveryNotFailed:  "It was not in failure any more.",
	webhook.SkippedDeliveryNotWaiting: "It had ended already.",
	webhook.SkippedEndpointDisabled:   "Its endpoint is disabled.",
	webhook.SkippedEndpointDeleted:    "Its endpoint was deleted.",

	webhook.SkippedOrganizationDeleted: "The organization was deleted before the job reached it.",
}

// organizationOf returns the name of the request's organization, or its ID if it has none.
func organizationOf(q *web.Request) string {
	if q.Organization.Name != "" {
		return q.Organization.Name
	}
	return q.Organization.ID
}
