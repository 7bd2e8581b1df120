package webhook

import "fmt"

// Parameters are the filters of a list by the names that they have in a query. A query and a bulk job have the same filters.
type Parameters struct {
	Values map[string]string
	// Prefix comes before the name of a filter in an error, such as filter. for a bulk job.
	Prefix string
}

// The names of filters.
var (
	// EventParameters are the filters of the list of events.
	EventParameters = []string{"eventType", "workflowId", "runId", "executionId", "from", "to"}
	// DeliveryParameters are the filters of the list of deliveries.
	DeliveryParameters = append([]string{
		"endpointId", "eventId", "status", "failureReason", "errorCode", "responseStatus", "bulkJobId",
	}, EventParameters...)
)

// ParseParameter parses a filter into target, if it is there.
func ParseParameter[T any](p Parameters, name string, target *T, parse func(field, text string) (T, error)) (err error) {
	if text, has := p.Values[name]; has {
		*target, err = parse(p.Prefix+name, text)
	}
	return err
}

// parseID returns a function that parses the ID of one resource of the kind.
func parseID(kind Kind) func(field, text string) (string, error) {
	return func(field, text string) (string, error) { return text, CheckReference(kind, field, text) }
}

// CheckReference returns an error unless the text in a field is the ID of a resource of the kind.
func CheckReference(kind Kind, field, text string) error {
	if CheckID(kind, text) != nil {
		return Invalid("invalid_id", field, fmt.Sprintf("%s must be the id of one resource: %s_ followed by the 26 characters of a ULID", field, kind))
	}
	return nil
}

// ParseEventFilter parses the filters of EventParameters. It ignores others.
func ParseEventFilter(organizationID string, p Parameters) (EventFilter, error) {
	f := EventFilter{OrganizationID: organizationID}
	for _, parse := range []func() error{
		func() error { return ParseParameter(p, "eventType", &f.Type, ParseEventType) },
		func() error { return ParseParameter(p, "workflowId", &f.WorkflowID, ParseCorrelationID) },
		func() error { return ParseParameter(p, "runId", &f.RunID, ParseCorrelationID) },
		func() error { return ParseParameter(p, "executionId", &f.ExecutionID, ParseCorrelationID) },
		func() error { return ParseParameter(p, "from", &f.From, ParseTime) },
		func() error { return ParseParameter(p, "to", &f.To, ParseTime) },
	} {
		if err := parse(); err != nil {
			return f, err
		}
	}
	return f, nil
}

// ParseDeliveryFilter parses the filters of DeliveryParameters. It ignores others.
func ParseDeliveryFilter(organizationID string, p Parameters) (DeliveryFilter, error) {
	event, err := ParseEventFilter(organizationID, p)
	f := DeliveryFilter{
		OrganizationID: event.OrganizationID, EventType: event.Type, WorkflowID: event.WorkflowID, RunID: event.RunID,
		ExecutionID: event.ExecutionID, From: event.From, To: event.To,
	}
	if err != nil {
		return f, err
	}
	for _, parse := range []func() error{
		func() error { return ParseParameter(p, "endpointId", &f.EndpointID, parseID(KindEndpoint)) },
		func() error { return ParseParameter(p, "eventId", &f.EventID, parseID(KindEvent)) },
		func() error { return ParseParameter(p, "status", &f.Statuses, ParseStatuses) },
		func() error { return ParseParameter(p, "failureReason", &f.FailureReason, ParseFailureReason) },
		func() error { return ParseParameter(p, "errorCode", &f.ErrorCode, ParseErrorCode) },
		func() error { return ParseParameter(p, "responseStatus", &f.ResponseStatus, ParseStatusRange) },
		func() error { return ParseParameter(p, "bulkJobId", &f.BulkJobID, parseID(KindBulkJob)) },
	} {
		if err := parse(); err != nil {
			return f, err
		}
	}
	return f, nil
}
