package httpapi

import (
	"encoding/json"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/labstack/echo/v4"

	"redrive/api-service/internal/publish"
	"redrive/pkg/webhook"
)

// keyedStatements is how many times as long an event with a key may take: a repeated one waits for the first, which may take as long as a
// statement.
const keyedStatements = 3

type eventHandlers struct {
	publisher *publish.Publisher
}

type publishRequest struct {
	EventType   string         `json:"eventType"`
	Data        jsontext.Value `json:"data"` // the bytes of the body, not decoded
	WorkflowID  string         `json:"workflowId"`
	RunID       string         `json:"runId"`
	ExecutionID string         `json:"executionId"`
	// IdempotencyKey is a pointer, because an empty key is refused.
	IdempotencyKey *string `json:"idempotencyKey"`
}

// spec returns the event to publish. Without a key of its own, the event has the given one, which may be empty.
func (r publishRequest) spec(key string) (webhook.EventSpec, error) {
	if r.IdempotencyKey != nil {
		key = *r.IdempotencyKey
		if err := webhook.CheckIdempotencyKey("idempotencyKey", key, webhook.MaxIdempotencyKey); err != nil {
			return webhook.EventSpec{}, err
		}
	}
	return webhook.EventSpec{
		Type: r.EventType, Data: json.RawMessage(r.Data), WorkflowID: r.WorkflowID, RunID: r.RunID, ExecutionID: r.ExecutionID,
		IdempotencyKey: key,
	}, nil
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
	key, err := idempotencyHeader(c)
	if err != nil {
		return err
	}
	request, err := decode[publishRequest](c)
	if err != nil {
		return err
	}
	spec, err := request.spec(key)
	if err != nil {
		return err
	}
	if spec.IdempotencyKey != "" {
		allow(c, keyedStatements)
	}
	published, err := h.publisher.Publish(c.Request().Context(), caller(c).OrganizationID, spec)
	if err != nil {
		return err
	}
	c.Set(subjectInContext, published.Event.ID)
	if published.Duplicate {
		replayed(c)
	}
	return ok(c, viewPublished(published.Publication))
}
