package store

// The columns and targets below are for the statements that run for every delivery. They are scanned directly, because GORM's mapping of
// columns to fields takes more than twice the time. Columns and targets have the same order.

const (
	deliveryColumns = `d.id, d.organization_id, d.endpoint_id, d.event_id, d.status, d.retry_count, d.max_retries, d.next_retry_at,
	d.revision, d.queue, d.priority, d.test, d.requeued, d.failure_reason, d.orphan_count, d.attempt_count, d.last_attempt_id,
	d.replay_of, d.bulk_job_id, d.created_at, d.updated_at`

	// eventColumns leave out data that is larger than the parameter, which PostgreSQL then does not read.
	eventColumns = `e.organization_id, e.event_type, e.workflow_id, e.run_id, e.execution_id,
	CASE WHEN octet_length(e.data) <= ? THEN e.data END, e.created_at, octet_length(e.data)`

	// eventOrNoneColumns are for a delivery whose event may be missing. See deliveryRow.eventOrNone.
	eventOrNoneColumns = `COALESCE(e.organization_id, d.organization_id), COALESCE(e.event_type, ''), COALESCE(e.workflow_id, ''),
	COALESCE(e.run_id, ''), COALESCE(e.execution_id, ''), COALESCE(e.data, 'null'), COALESCE(e.created_at, d.created_at)`

	// lastAttemptColumns are for a delivery that may have no attempt.
	lastAttemptColumns = `COALESCE(a.id, ''), COALESCE(a.organization_id, ''), COALESCE(a.delivery_id, ''), COALESCE(a.number, 0),
	COALESCE(a.started_at, d.created_at), COALESCE(a.duration_ms, 0), COALESCE(a.outcome, ''), COALESCE(a.request_headers, ''),
	COALESCE(a.response_status, 0), COALESCE(a.response_headers, ''), COALESCE(a.response_body, ''),
	COALESCE(a.response_body_truncated, false), COALESCE(a.error_message, ''), COALESCE(a.error_code, ''), a.next_retry_at`

	// endpointColumnsToSend are all columns of an endpoint.
	endpointColumnsToSend = `e.id, e.organization_id, e.name, e.url, e.description, e.subscribed_event_types, e.max_retries, e.rate_limit,
	e.headers, e.timeout_seconds, e.retry_schedule, e.payload, e.signature_header, e.metadata, e.status, e.disabled_at, e.disabled_reason,
	e.paused_at, e.deleted_at, e.signing_secrets, e.created_by, e.created_at, e.updated_at`
)

func (r *deliveryRow) targets() []any {
	return []any{
		&r.ID, &r.OrganizationID, &r.EndpointID, &r.EventID, &r.Status, &r.RetryCount, &r.MaxRetries, &r.NextRetryAt,
		&r.Revision, &r.Queue, &r.Priority, &r.Test, &r.Requeued, &r.FailureReason, &r.OrphanCount, &r.AttemptCount, &r.LastAttemptID,
		&r.ReplayOf, &r.BulkJobID, &r.CreatedAt, &r.UpdatedAt,
	}
}

// targets leaves out the ID, which is a column of the delivery.
func (r *eventRow) targets() []any {
	return []any{&r.OrganizationID, &r.EventType, &r.WorkflowID, &r.RunID, &r.ExecutionID, &r.Data, &r.CreatedAt}
}

func (r *attemptRow) targets() []any {
	return []any{
		&r.ID, &r.OrganizationID, &r.DeliveryID, &r.Number,
		&r.StartedAt, &r.DurationMs, &r.Outcome, &r.RequestHeaders,
		&r.ResponseStatus, &r.ResponseHeaders, &r.ResponseBody,
		&r.ResponseBodyTruncated, &r.ErrorMessage, &r.ErrorCode, &r.NextRetryAt,
	}
}

func (r *endpointRow) targets() []any {
	return []any{
		&r.ID, &r.OrganizationID, &r.Name, &r.URL, &r.Description, &r.SubscribedEventTypes, &r.MaxRetries, &r.RateLimit,
		&r.Headers, &r.TimeoutSeconds, &r.RetrySchedule, &r.Payload, &r.SignatureHeader, &r.Metadata, &r.Status, &r.DisabledAt, &r.DisabledReason,
		&r.PausedAt, &r.DeletedAt, &r.SigningSecrets, &r.CreatedBy, &r.CreatedAt, &r.UpdatedAt,
	}
}
