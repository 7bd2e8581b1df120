package store

import (
	"context"
	"slices"
	"time"

	"redrive/pkg/webhook"
)

const (
	// deliveriesPerStatement keeps a statement that writes many events to some megabytes and milliseconds.
	deliveriesPerStatement = 2000
	// togetherTimeout bounds one of them, whatever time the caller has for all: a database that hangs is noticed by the first.
	togetherTimeout = 5 * time.Second
)

// CreateEvents is CreateEvent for many events at once: in one statement for some thousand deliveries where the database can, and
// then one by one if it refused one of them. The errors are in the order of the publications: an event that cannot be kept has
// one and keeps none of the others back. Once the database is away it is asked for no more of them.
func (s *Store) CreateEvents(ctx context.Context, publications []webhook.Publication) []error {
	failures := make([]error, 0, len(publications))
	for len(publications) > 0 {
		size, deliveries := 1, len(publications[0].Deliveries)
		for size < len(publications) && deliveries+len(publications[size].Deliveries) <= deliveriesPerStatement {
			deliveries += len(publications[size].Deliveries)
			size++
		}
		failed := s.createTogether(ctx, publications[:size])
		failures = append(failures, failed...)
		publications = publications[size:]
		if away := failed[size-1]; webhook.CodeOf(away) == webhook.CodeUnavailable {
			failures = append(failures, slices.Repeat([]error{away}, len(publications))...)
			break
		}
	}
	return failures
}

func (s *Store) createTogether(ctx context.Context, publications []webhook.Publication) []error {
	failures := make([]error, len(publications))
	if s.dialect.Arrays {
		err := s.translate("create events", s.execTogether(ctx, newPublicationColumns(publications)))
		switch {
		case err == nil:
			return failures
		case len(publications) == 1 || webhook.CodeOf(err) == webhook.CodeUnavailable:
			for i := range failures {
				failures[i] = err
			}
			return failures
		}
	}
	for i, p := range publications {
		failures[i] = s.CreateEvent(ctx, p.Event, p.Deliveries)
	}
	return failures
}

func (s *Store) execTogether(ctx context.Context, columns *publicationColumns) error {
	ctx, cancel := context.WithTimeout(ctx, togetherTimeout)
	defer cancel()
	return s.db.WithContext(ctx).Exec(createTogetherSQL, columns.arrays()...).Error
}

// createTogetherSQL is all that CreateEvent writes, in one round trip and one commit. Store.dueAt tells why nothing is due later
// than now.
const createTogetherSQL = `
WITH event AS (
	INSERT INTO events (id, organization_id, event_type, workflow_id, run_id, execution_id, data, created_at)
	SELECT * FROM unnest(CAST(? AS text[]), CAST(? AS text[]), CAST(? AS text[]), CAST(? AS text[]), CAST(? AS text[]),
		CAST(? AS text[]), CAST(? AS bytea[]), CAST(? AS timestamptz[]))
)
INSERT INTO deliveries (id, organization_id, endpoint_id, event_id, status, retry_count, max_retries, next_retry_at, revision,
	queue, failure_reason, orphan_count, attempt_count, last_attempt_id, created_at, updated_at)
SELECT d.id, d.organization_id, d.endpoint_id, d.event_id, d.status, 0, d.max_retries, LEAST(d.next_retry_at, now()), d.revision,
	d.queue, '', 0, 0, '', d.created_at, d.created_at
FROM unnest(CAST(? AS text[]), CAST(? AS text[]), CAST(? AS text[]), CAST(? AS text[]), CAST(? AS text[]), CAST(? AS integer[]),
	CAST(? AS timestamptz[]), CAST(? AS bigint[]), CAST(? AS text[]), CAST(? AS timestamptz[]))
	AS d (id, organization_id, endpoint_id, event_id, status, max_retries, next_retry_at, revision, queue, created_at)`

// publicationColumns are events and deliveries turned on their side.
type publicationColumns struct {
	event struct {
		ids, organizations, types, workflows, runs, executions []string
		data                                                   [][]byte
		createdAt                                              []time.Time
	}
	delivery struct {
		ids, organizations, endpoints, events, statuses, queues []string
		maxRetries                                              []int32
		nextRetryAt                                             []*time.Time
		revisions                                               []int64
		createdAt                                               []time.Time
	}
}

func newPublicationColumns(publications []webhook.Publication) *publicationColumns {
	c := &publicationColumns{}
	for _, p := range publications {
		e := &c.event
		e.ids = append(e.ids, p.Event.ID)
		e.organizations = append(e.organizations, p.Event.OrganizationID)
		e.types = append(e.types, p.Event.Type)
		e.workflows = append(e.workflows, p.Event.WorkflowID)
		e.runs = append(e.runs, p.Event.RunID)
		e.executions = append(e.executions, p.Event.ExecutionID)
		e.data = append(e.data, p.Event.Data)
		e.createdAt = append(e.createdAt, p.Event.CreatedAt)
		for _, delivery := range p.Deliveries {
			c.add(delivery)
		}
	}
	return c
}

// add takes a delivery as it is made: never sent, and never moved.
func (c *publicationColumns) add(delivery webhook.Delivery) {
	d := &c.delivery
	d.ids = append(d.ids, delivery.ID)
	d.organizations = append(d.organizations, delivery.OrganizationID)
	d.endpoints = append(d.endpoints, delivery.EndpointID)
	d.events = append(d.events, delivery.EventID)
	d.statuses = append(d.statuses, string(delivery.Status))
	d.queues = append(d.queues, delivery.Queue)
	d.maxRetries = append(d.maxRetries, int32(delivery.MaxRetries)) //nolint:gosec // at most webhook.MaxRetries
	d.nextRetryAt = append(d.nextRetryAt, nullable(delivery.NextRetryAt))
	d.revisions = append(d.revisions, delivery.Revision)
	d.createdAt = append(d.createdAt, delivery.CreatedAt)
}

// arrays are in the order of createTogetherSQL.
func (c *publicationColumns) arrays() []any {
	e, d := &c.event, &c.delivery
	return []any{
		array{e.ids},
		array{e.organizations},
		array{e.types},
		array{e.workflows},
		array{e.runs},
		array{e.executions},
		array{e.data},
		array{e.createdAt},
		array{d.ids},
		array{d.organizations},
		array{d.endpoints},
		array{d.events},
		array{d.statuses},
		array{d.maxRetries},
		array{d.nextRetryAt},
		array{d.revisions},
		array{d.queues},
		array{d.createdAt},
	}
}
