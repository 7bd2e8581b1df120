package httpapi

import (
	"encoding/json"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/labstack/echo/v4"

	"redrive/api-service/internal/trial"
	"redrive/pkg/webhook"
)

type trialHandlers struct {
	tester *trial.Tester
}

// testRequest is an optional body.
type testRequest struct {
	EventType *string        `json:"eventType"`
	Data      jsontext.Value `json:"data"` // the bytes of the body, not decoded
}

// send answers when the test has ended, which may take longer than a request has for the database.
func (h trialHandlers) send(c echo.Context) error {
	id, err := pathID(c, webhook.KindEndpoint)
	if err != nil {
		return err
	}
	request, err := decodeOptional[testRequest](c)
	if err != nil {
		return err
	}
	spec := webhook.EventSpec{Data: json.RawMessage(request.Data)}
	if request.EventType != nil {
		if spec.Type = *request.EventType; spec.Type == "" {
			return webhook.Invalid("invalid_event_type", "eventType", "eventType must not be empty; leave it out to send "+webhook.EventTypeTest)
		}
	}
	delivery, err := h.tester.Send(c.Request().Context(), caller(c).OrganizationID, id, spec)
	if err != nil {
		return err
	}
	c.Set(subjectInContext, delivery.ID)
	record, err := h.tester.Await(untimed(c), delivery)
	return okDelivery(c, record, err)
}
