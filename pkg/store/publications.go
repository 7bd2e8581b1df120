package store

import (
	"context"
	"slices"
	"time"

	"gorm.io/gorm"

	"redrive/pkg/webhook"
)

// deliveriesPerStatement bounds a statement that writes many events to a few megabytes and milliseconds.
const deliveriesPerStatement = 2000

// deliveriesPerTransaction bounds a transaction of SQLite that writes many events. Other transactions cannot write meanwhile.
const deliveriesPerTransaction = 250

// CreateEvent is CreateEvents for one event.
func (s *Store) CreateEvent(ctx context.Context, event webhook.Event, deliveries []webhook.Delivery) error {
	return s.CreateEvents(ctx, []webhook.Publication{{Event: event, Deliveries: deliveries}})[0]
}

// CreateEvents inserts events with their deliveries. Of each event, it inserts everything or nothing. PostgreSQL inserts the events in
// statements of up to deliveriesPerStatement deliveries. If it refuses one of them, the events are inserted one by one. SQLite
// inserts events with up to deliveriesPerTransaction deliveries in one transaction.
//
// An event whose idempotency key is recorded, or is being recorded by another transaction, is not inserted. Its error is
// webhook.ErrIdempotencyKeyTaken. The statement does not wait for the other transaction.
//
// The errors are in the order of the publications, and one error does not affect the other events. After an unavailable database, the
// remaining events get the same error without a statement.
func (s *Store) CreateEvents(ctx context.Context, publications []webhook.Publication) []error {
	failures := make([]error, 0, len(publications))
	for len(publications) > 0 {
		size := s.statementSize(publications)
		failed := s.createBatch(ctx, publications[:size])
		failures = append(failures, failed...)
		publications = publications[size:]
		if last := failed[size-1]; webhook.CodeOf(last) == webhook.CodeUnavailable {
			failures = append(failures, slices.Repeat([]error{last}, len(publications))...)
			break
		}
	}
	return failures
}

// statementSize returns how many of the publications share a statement.
func (s *Store) statementSize(publications []webhook.Publication) int {
	most := deliveriesPerTransaction
	if s.dialect.Postgres {
		most = deliveriesPerStatement
	}
	deliveries, keys := 0, 0
	for i, p := range publications {
		deliveries += len(p.Deliveries)
		if p.Key != nil {
			keys++
		}
		if i > 0 && (deliveries > most || keys > keysPerStatement) {
			return i
		}
	}
	return len(publications)
}

func (s *Store) createBatch(ctx context.Context, publications []webhook.Publication) []error {
	if !s.dialect.Postgres {
		return s.createEach(ctx, publications)
	}
	taken, err := s.execBatch(ctx, publications)
	err = s.translate("create events", err)
	if !refusesOne(err, len(publications)) {
		return failuresOf(publications, taken, err)
	}
	_, failures := each(publications, func(p webhook.Publication) (struct{}, error) {
		alone := []webhook.Publication{p}
		taken, err := s.execBatch(ctx, alone)
		return struct{}{}, failuresOf(alone, taken, s.translate("create an event", err))[0]
	})
	return failures
}

// createEach inserts the events in one transaction of SQLite.
func (s *Store) createEach(ctx context.Context, publications []webhook.Publication) []error {
	failures := together(ctx, s, publications, func(tx *gorm.DB, _ int, p webhook.Publication) (counted tallied, err error) {
		if p.Key != nil {
			if err := insertKey(tx, keyOf(p)); err != nil {
				return counted, err
			}
		}
		row := newEventRow(p.Event)
		if err := tx.Create(&row).Error; err != nil {
			return counted, err
		}
		counted.published(p)
		return counted, s.createDeliveries(tx, p.Event.ID, p.Deliveries)
	})
	for i, err := range failures {
		failures[i] = s.translate("create an event", err)
	}
	return failures
}

// execBatch executes one statement. The statement has a deadline of its own, because a batch of many statements has more time. It returns
// the IDs of the events whose keys are taken.
func (s *Store) execBatch(ctx context.Context, publications []webhook.Publication) (taken map[string]bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.dialect.StatementTimeout)
	defer cancel()
	if slices.ContainsFunc(publications, func(p webhook.Publication) bool { return p.Key != nil }) {
		return s.execKeyed(ctx, publications)
	}
	return nil, createSQL.exec(s.db.WithContext(ctx), createArguments(publications)...)
}

// createSQL inserts events and their deliveries, and counts them, in one round trip and one commit. See Store.dueAt for the due time of a
// pending delivery.
var createSQL = newNumbered(`
WITH event AS (
	` + insertEvents + `
), counted AS (
	` + insertTallies + groupTallies + `
)
` + insertDeliveries)

// insertEvents inserts new events, as rows of e. A condition on e may follow.
var insertEvents = `INSERT INTO events (id, organization_id, event_type, workflow_id, run_id, execution_id, data, created_at)
	SELECT e.* FROM ` + parameterRows("e", "id text", "organization_id text", "event_type text", "workflow_id text", "run_id text",
	"execution_id text", "data bytea", "created_at timestamptz")

// insertDeliveries inserts new deliveries, as rows of d. A condition on d may follow.
var insertDeliveries = `INSERT INTO deliveries (id, organization_id, endpoint_id, event_id, status, retry_count, max_retries, next_retry_at,
	revision, queue, priority, test, failure_reason, orphan_count, attempt_count, last_attempt_id, created_at, updated_at)
SELECT d.id, d.organization_id, d.endpoint_id, d.event_id, d.status, d.retry_count, d.max_retries,
	CASE WHEN d.status = 'pending' AND d.next_retry_at > now() THEN now() ELSE d.next_retry_at END, d.revision,
	d.queue, d.priority, d.test, d.failure_reason, d.orphan_count, 0, d.last_attempt_id, d.created_at, d.updated_at
FROM ` + parameterRows("d", "id text", "organization_id text", "endpoint_id text", "event_id text", "status text", "retry_count integer",
	"max_retries integer", "next_retry_at timestamptz", "revision bigint", "queue text", "priority smallint", "test boolean",
	"failure_reason text", "orphan_count integer", "last_attempt_id text", "created_at timestamptz", "updated_at timestamptz")

// createArguments returns the parameters of createSQL in their order.
func createArguments(publications []webhook.Publication) []any {
	type publication = webhook.Publication
	type delivery = webhook.Delivery
	var deliveries []delivery
	for _, p := range publications {
		deliveries = append(deliveries, p.Deliveries...)
	}
	return slices.Concat([]any{
		column(publications, func(p *publication) string { return p.Event.ID }),
		column(publications, func(p *publication) string { return p.Event.OrganizationID }),
		column(publications, func(p *publication) string { return p.Event.Type }),
		column(publications, func(p *publication) string { return p.Event.WorkflowID }),
		column(publications, func(p *publication) string { return p.Event.RunID }),
		column(publications, func(p *publication) string { return p.Event.ExecutionID }),
		column(publications, func(p *publication) []byte { return p.Event.Data }),
		column(publications, func(p *publication) time.Time { return p.Event.CreatedAt }),
	}, tallyArguments(publications), []any{
		column(deliveries, func(d *delivery) string { return d.ID }),
		column(deliveries, func(d *delivery) string { return d.OrganizationID }),
		column(deliveries, func(d *delivery) string { return d.EndpointID }),
		column(deliveries, func(d *delivery) string { return d.EventID }),
		column(deliveries, func(d *delivery) string { return string(d.Status) }),
		column(deliveries, func(d *delivery) int { return d.RetryCount }),
		column(deliveries, func(d *delivery) int { return d.MaxRetries }),
		column(deliveries, func(d *delivery) *time.Time { return nullable(d.NextRetryAt) }),
		column(deliveries, func(d *delivery) int64 { return d.Revision }),
		column(deliveries, func(d *delivery) string { return d.Queue }),
		column(deliveries, func(d *delivery) webhook.Priority { return d.Priority }),
		column(deliveries, func(d *delivery) bool { return d.Test }),
		column(deliveries, func(d *delivery) string { return string(d.FailureReason) }),
		column(deliveries, func(d *delivery) int { return d.OrphanCount }),
		column(deliveries, func(d *delivery) string { return d.LastAttemptID }),
		column(deliveries, func(d *delivery) time.Time { return d.CreatedAt }),
		column(deliveries, func(d *delivery) time.Time { return d.UpdatedAt }),
	})
}
