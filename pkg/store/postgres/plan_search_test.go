package postgres_test

import (
	"context"
	"time"

	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

// searchCalls are the calls that search deliveries and events.
func searchCalls(ctx context.Context, opened *store.Store, w filled) map[string]statementCall {
	now := webhook.Now()
	sized := []string{"deliveries_pkey", "events_pkey", "attempts_pkey"}
	search := func(f webhook.DeliveryFilter) func() error {
		f.OrganizationID = "org"
		return func() error { _, err := opened.PageDeliveries(ctx, f, webhook.Page{Limit: 20}); return err }
	}
	events := func(f webhook.EventFilter) func() error {
		f.OrganizationID = "org"
		return func() error { _, err := opened.PageEvents(ctx, f, webhook.Page{Limit: 20}); return err }
	}
	return map[string]statementCall{
		"search by status": {
			search(webhook.DeliveryFilter{Statuses: []webhook.Status{webhook.StatusFailure}}),
			[][]string{{"deliveries_by_status"}, sized},
		},
		"search by status and endpoint": {
			search(webhook.DeliveryFilter{Statuses: []webhook.Status{webhook.StatusFailure}, EndpointID: w.failed.EndpointID}),
			[][]string{{"deliveries_by_status"}, {"deliveries_by_status"}, {"deliveries_by_status"}, sized},
		},
		"search by time": {
			search(webhook.DeliveryFilter{From: now.Add(-time.Hour), To: now.Add(time.Hour)}),
			[][]string{{"deliveries_by_organization"}, sized},
		},
		"search by error code": {
			search(webhook.DeliveryFilter{ErrorCode: webhook.ErrorHTTPStatus}),
			[][]string{{"deliveries_by_status"}, {"deliveries_by_status", "attempts_pkey"}, sized},
		},
		"search by the status of the answer": {
			search(webhook.DeliveryFilter{ResponseStatus: webhook.StatusRange{Low: 500, High: 599}, EndpointID: w.failed.EndpointID}),
			[][]string{{"deliveries_by_status"}, {"deliveries_by_status"}, {"deliveries_by_status", "attempts_pkey"}, sized},
		},
		"search by success": {
			search(webhook.DeliveryFilter{Statuses: []webhook.Status{webhook.StatusSuccess}}),
			[][]string{{"deliveries_by_organization"}, {"deliveries_by_organization"}},
		},
		"search by event": {
			search(webhook.DeliveryFilter{EventID: w.failed.EventID}),
			[][]string{{"events", "deliveries_by_event"}, sized},
		},
		"search by run": {
			search(webhook.DeliveryFilter{RunID: "run_7"}),
			[][]string{{"events_by_run"}, {"events_by_run", "deliveries_by_event"}, sized},
		},
		"search by workflow and reason": {
			search(webhook.DeliveryFilter{WorkflowID: "wf_7", FailureReason: webhook.FailureExhausted}),
			[][]string{{"deliveries_by_status"}, {"deliveries_by_status"}, {"deliveries_by_status", "events_pkey", "attempts_pkey"}, sized},
		},
		"search by workflow and the status of the answer": {
			search(webhook.DeliveryFilter{WorkflowID: "wf_7", ResponseStatus: webhook.StatusRange{Low: 200, High: 599}}),
			[][]string{{"events_by_workflow"}, {"events_by_workflow", "deliveries_by_event", "attempts_pkey"}, sized},
		},
		"search by execution": {
			search(webhook.DeliveryFilter{ExecutionID: "exec_7"}),
			[][]string{{"events_by_execution"}, {"events_by_execution", "deliveries_by_event"}, sized},
		},
		"search by type": {
			search(webhook.DeliveryFilter{EventType: "run.finished"}),
			[][]string{{"events_by_type"}, {"events_by_type", "deliveries_by_event"}, sized},
		},
		"list events": {
			events(webhook.EventFilter{}), [][]string{{"events_by_organization"}, {"events_pkey"}},
		},
		"list events of a type": {
			events(webhook.EventFilter{Type: "run.finished"}), [][]string{{"events_by_type"}, {"events_pkey"}},
		},
		"list events of a run": {
			events(webhook.EventFilter{RunID: "run_7"}), [][]string{{"events_by_run"}, {"events_pkey"}},
		},
		"search events by run and type": {
			events(webhook.EventFilter{RunID: "run_7", Type: "run.finished"}),
			[][]string{{"events_by_run"}, {"events_by_run"}, {"events_by_run"}, {"events_pkey"}},
		},
	}
}
