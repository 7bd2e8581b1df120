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
	Data        jsontext.Value `json:"data"` // the bytes of the body, not decoded
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
	Event      eventView               `json:"event"`
	Deliveries []publishedDeliveryView `json:"deliveries"`
}

// publishedDeliveryView is a delivery that was created for an event.
type publishedDeliveryView struct {
	ID         string `json:"id"`
	EndpointID string `json:"endpointId"`
}

func viewPublished(p webhook.Publication) publishedView {
	deliveries := make([]publishedDeliveryView, len(p.Deliveries))
	for i, d := range p.Deliveries {
		deliveries[i] = publishedDeliveryView{ID: d.ID, EndpointID: d.EndpointID}
	}
	return publishedView{Event: viewEvent(p.Event), Deliveries: deliveries}
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
	c.Set(subjectInContext, published.Event.ID)
	return ok(c, viewPublished(published))
}
