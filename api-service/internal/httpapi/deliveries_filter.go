package httpapi

import (
	"net/url"

	"github.com/labstack/echo/v4"

	"redrive/pkg/webhook"
)

// searched are the query parameters of a list of events that are about the event.
var searched = []string{"eventType", "workflowId", "runId", "executionId", "from", "to"}

// searchedDeliveries are the filters of the list of deliveries.
var searchedDeliveries = append([]string{"endpointId", "eventId", "status", "failureReason", "errorCode", "responseStatus"}, searched...)

// parseFilter parses a parameter, if the query has it.
func parseFilter[T any](query url.Values, name string, target *T, parse func(field, text string) (T, error)) (err error) {
	if query.Has(name) {
		*target, err = parse(name, query.Get(name))
	}
	return err
}

// idOf returns a function that parses the ID of one resource of the kind.
func idOf(kind webhook.Kind) func(field, text string) (string, error) {
	return func(field, text string) (string, error) {
		if webhook.CheckID(kind, text) != nil {
			return "", webhook.Invalid("invalid_id", field, field+" must be the id of one resource: "+string(kind)+"_ followed by the 26 characters of a ULID")
		}
		return text, nil
	}
}

// eventFilter parses the filters that are about an event.
func eventFilter(c echo.Context) (f webhook.EventFilter, err error) {
	query := queryOf(c)
	f.OrganizationID = caller(c).OrganizationID
	if err := parseFilter(query, "eventType", &f.Type, webhook.ParseEventType); err != nil {
		return f, err
	}
	if err := parseFilter(query, "workflowId", &f.WorkflowID, webhook.ParseCorrelationID); err != nil {
		return f, err
	}
	if err := parseFilter(query, "runId", &f.RunID, webhook.ParseCorrelationID); err != nil {
		return f, err
	}
	if err := parseFilter(query, "executionId", &f.ExecutionID, webhook.ParseCorrelationID); err != nil {
		return f, err
	}
	f.From, f.To, err = timeRange(query)
	return f, err
}

// deliveryFilter parses the filters of the list of deliveries.
func deliveryFilter(c echo.Context) (webhook.DeliveryFilter, error) {
	query := queryOf(c)
	event, err := eventFilter(c)
	f := webhook.DeliveryFilter{
		OrganizationID: event.OrganizationID, EventType: event.Type, WorkflowID: event.WorkflowID, RunID: event.RunID,
		ExecutionID: event.ExecutionID, From: event.From, To: event.To,
	}
	if err != nil {
		return f, err
	}
	if err := parseFilter(query, "endpointId", &f.EndpointID, idOf(webhook.KindEndpoint)); err != nil {
		return f, err
	}
	if err := parseFilter(query, "eventId", &f.EventID, idOf(webhook.KindEvent)); err != nil {
		return f, err
	}
	if err := parseFilter(query, "status", &f.Statuses, webhook.ParseStatuses); err != nil {
		return f, err
	}
	if err := parseFilter(query, "failureReason", &f.FailureReason, webhook.ParseFailureReason); err != nil {
		return f, err
	}
	if err := parseFilter(query, "errorCode", &f.ErrorCode, webhook.ParseErrorCode); err != nil {
		return f, err
	}
	return f, parseFilter(query, "responseStatus", &f.ResponseStatus, webhook.ParseStatusRange)
}
