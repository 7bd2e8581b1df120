package httpapi

import (
	"context"
	"encoding/json"

	"github.com/labstack/echo/v4"

	"redrive/api-service/internal/redeliver"
	"redrive/pkg/webhook"
)

// EventStore reads events.
type EventStore interface {
	eventPages
	FindFanOut(ctx context.Context, organizationID, eventID string) (webhook.FanOut, error)
	SizeEvent(ctx context.Context, organizationID, id string) (webhook.Sized, error)
}

// eventPages reads lists of events: the sizes of a page first, then its items in batches.
type eventPages interface {
	PageEvents(ctx context.Context, f webhook.EventFilter, page webhook.Page) (webhook.List[webhook.Sized], error)
	ReadEvents(ctx context.Context, organizationID string, ids []string) ([]webhook.Event, error)
	ReadEventsWithoutBodies(ctx context.Context, organizationID string, ids []string) ([]webhook.Event, error)
}

// searchHandlers read events that were published, and deliver them to further endpoints.
type searchHandlers struct {
	store       EventStore
	redeliverer *redeliver.Redeliverer
	memory      budget
}

// list shows events. Its frame has no offset.
func (h searchHandlers) list(c echo.Context) error {
	filter, err := eventFilter(c)
	if err != nil {
		return err
	}
	page, err := pageOf(c)
	if err != nil {
		return err
	}
	list, err := h.store.PageEvents(c.Request().Context(), filter, page)
	if err != nil {
		return err
	}
	read, view := h.store.ReadEvents, storedEvent
	if page.WithoutBodies {
		read, view = h.store.ReadEventsWithoutBodies, eventWithoutBody
	}
	return okBatchesIn(c, h.memory, walkOf(c, list, page), list, read, view)
}

// storedEventView is an event as it is stored. Its data may be left out.
type storedEventView struct {
	ID             string            `json:"id"`
	OrganizationID string            `json:"organizationId"`
	EventType      string            `json:"eventType"`
	WorkflowID     string            `json:"workflowId,omitempty"`
	RunID          string            `json:"runId,omitempty"`
	ExecutionID    string            `json:"executionId,omitempty"`
	Data           json.RawMessage   `json:"data,omitempty"`
	CreatedAt      webhook.Timestamp `json:"createdAt"`
}

func eventWithoutBody(e webhook.Event) (storedEventView, error) {
	e.Data = nil
	return storedEvent(e)
}

func storedEvent(e webhook.Event) (storedEventView, error) { return storedEventView(viewEvent(e)), nil }

// withoutStored returns the event without data, for data that is damaged.
func (v storedEventView) withoutStored() any {
	v.Data = json.RawMessage("null")
	return v
}

type fanOutView struct {
	Event           storedEventView       `json:"event"`
	Deliveries      []fannedView          `json:"deliveries"`
	WithoutDelivery []withoutDeliveryView `json:"withoutDelivery"`
}

// fannedView is a delivery of an event.
type fannedView struct {
	ID         string `json:"id"`
	EndpointID string `json:"endpointId"`
	Status     string `json:"status"`
	ReplayOf   string `json:"replayOf,omitempty"`
}

type withoutDeliveryView struct {
	EndpointID string `json:"endpointId"`
	Reason     string `json:"reason"`
}

func viewFanOut(f webhook.FanOut) fanOutView {
	event, _ := storedEvent(f.Event)
	view := fanOutView{Event: event, Deliveries: make([]fannedView, len(f.Deliveries)), WithoutDelivery: make([]withoutDeliveryView, len(f.Without))}
	for i, d := range f.Deliveries {
		view.Deliveries[i] = fannedView{ID: d.ID, EndpointID: d.EndpointID, Status: string(d.Status), ReplayOf: d.ReplayOf}
	}
	for i, w := range f.Without {
		view.WithoutDelivery[i] = withoutDeliveryView{EndpointID: w.EndpointID, Reason: string(w.Reason)}
	}
	return view
}

// fanOutStatements is how many times as long the read of an event with its endpoints may take.
const fanOutStatements = 3

func (h searchHandlers) get(c echo.Context) error {
	id, err := pathID(c, webhook.KindEvent)
	if err != nil {
		return err
	}
	release, err := h.reserve(c, id)
	if err != nil {
		return err
	}
	defer release()
	allow(c, fanOutStatements)
	found, err := h.store.FindFanOut(c.Request().Context(), caller(c).OrganizationID, id)
	if err != nil {
		return err
	}
	view := viewFanOut(found)
	if !json.Valid(view.Event.Data) {
		view.Event.Data = json.RawMessage("null")
	}
	return ok(c, view)
}

// reserve takes the memory for one event before it is read.
func (h searchHandlers) reserve(c echo.Context, id string) (release func(), err error) {
	sized, err := h.store.SizeEvent(c.Request().Context(), caller(c).OrganizationID, id)
	if err != nil {
		return nil, err
	}
	release, err = h.memory.reserve(c, costOf(split([]webhook.Sized{sized})))
	allow(c, 1)
	return release, err
}

type deliverRequest struct {
	EndpointID string `json:"endpointId"`
}

// deliver makes a delivery of a published event to one endpoint.
func (h searchHandlers) deliver(c echo.Context) error {
	id, err := pathID(c, webhook.KindEvent)
	if err != nil {
		return err
	}
	request, err := decode[deliverRequest](c)
	if err != nil {
		return err
	}
	if request.EndpointID == "" {
		return webhook.Invalid("required", "endpointId", "endpointId is required and must not be empty")
	}
	if err := webhook.CheckReference(webhook.KindEndpoint, "endpointId", request.EndpointID); err != nil {
		return err
	}
	release, err := h.reserve(c, id)
	if err != nil {
		return err
	}
	defer release()
	record, err := h.redeliverer.Deliver(c.Request().Context(), caller(c).OrganizationID, id, request.EndpointID)
	return okDelivery(c, record, err)
}
