package httpapi

import (
	"encoding/json"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/labstack/echo/v4"

	"redrive/api-service/internal/publish"
	"redrive/pkg/webhook"
)

type eventHandlers struct {
	publisher *publish.Publisher
}

type publishRequest struct {
	EventType   string         `json:"eventType"`
	Data        jsontext.Value `json:"data"` // as it stands in the body, digit for digit
	WorkflowID  string         `json:"workflowId"`
	RunID       string         `json:"runId"`
	ExecutionID string         `json:"executionId"`
}

func (r publishRequest) spec() webhook.EventSpec {
	return webhook.EventSpec{
		Type: r.EventType, Data: json.RawMessage(r.Data), WorkflowID: r.WorkflowID, RunID: r.RunID, ExecutionID: r.ExecutionID,
	}
}

type publishedView struct {
	Event      eventView       `json:"event"`
	Deliveries json.RawMessage `json:"deliveries"`
}

func (h eventHandlers) publish(c echo.Context) error {
	request, err := decode[publishRequest](c)
	if err != nil {
		return err
	}
	published, err := h.publisher.Publish(c.Request().Context(), caller(c).OrganizationID, request.spec())
	if err != nil {
		return err
	}
	event, deliveries := published.Event, published.Deliveries
	c.Set(subjectInContext, event.ID)
	body, err := event.Body() // once, however many endpoints it goes to
	if err != nil {
		return err
	}
	shown := make([]deliveryView, len(deliveries))
	for i, d := range deliveries {
		shown[i] = viewDeliveryOf(webhook.Record{Delivery: d, Event: event}, body)
	}
	return stream(c, shown, func(items json.RawMessage) any {
		return publishedView{Event: viewEvent(event), Deliveries: items}
	})
}
