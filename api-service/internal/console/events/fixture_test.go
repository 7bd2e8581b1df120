package events_test

import (
	"testing"

	"redrive/api-service/internal/console/events"
	"redrive/api-service/internal/console/webtest"
)

const (
	eventID    = "evt_00000000000000000000000001"
	deliveryID = "dlv_00000000000000000000000001"
	active     = "ep_00000000000000000000000001"
	disabled   = "ep_00000000000000000000000002"
	deleted    = "ep_00000000000000000000000003"

	base   = "/v1/execution-webhooks"
	all    = base + "/events"
	one    = all + "/" + eventID
	member = "events/" + eventID
)

// object is a JSON object.
type object map[string]any

// reply is an answer with a value as its data.
func reply(data any) webtest.Reply { return webtest.Reply{Data: webtest.JSON(data)} }

// items is a list that is whole.
func items(of ...any) object { return object{"items": of, "hasMore": false} }

// console returns the pages with an active and a disabled endpoint.
func console(t *testing.T) *webtest.Console {
	c := webtest.New(t, events.Routes())
	c.Answer("GET "+base, reply(items(
		object{"id": active, "name": "Billing " + webtest.Hostile, "status": "active"}, object{"id": disabled, "name": "Old", "status": "disabled"},
	)))
	return c
}

// fanOut is the event with the data, as the API answers it.
func fanOut(data string, deliveries, without []any) webtest.Reply {
	return webtest.Reply{Data: `{"event":{"id":"` + eventID + `","eventType":"run.completed","workflowId":` + webtest.JSON("wf "+webtest.Hostile) +
		`,"runId":"run_1","createdAt":"2026-01-02T03:04:05Z","data":` + data + `},"deliveries":` + webtest.JSON(deliveries) + `,"withoutDelivery":` +
		webtest.JSON(without) + `}`}
}
