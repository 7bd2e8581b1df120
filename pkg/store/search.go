package store

import (
	"context"
	"net/http"
	"slices"
	"time"

	"redrive/pkg/webhook"
)

// probeRows is how many rows a filter may match to be read as a whole for each page.
const probeRows = 10_000

// searchedEvents returns the conditions on events that the filter has, each of which has an index, most selective first.
func searchedEvents(f webhook.DeliveryFilter) []conditions {
	var found []conditions
	for _, c := range []struct{ column, value string }{
		{"run_id", f.RunID}, {"execution_id", f.ExecutionID}, {"workflow_id", f.WorkflowID}, {"event_type", f.EventType},
	} {
		if c.value == "" {
			continue
		}
		var one conditions
		one.equal("e.organization_id", f.OrganizationID)
		one.equal("e."+c.column, c.value)
		if c.column != "event_type" {
			one.add("e." + c.column + " <> ''") // the predicate of the index
		}
		found = append(found, one)
	}
	return found
}

// eventFields returns the conditions on the event of a delivery, or on an event itself. They are no part of an index condition.
func eventFields(f webhook.DeliveryFilter) (c conditions) {
	c.equal("e.event_type || ''", f.EventType)
	c.equal("e.workflow_id || ''", f.WorkflowID)
	c.equal("e.run_id || ''", f.RunID)
	c.equal("e.execution_id || ''", f.ExecutionID)
	return c
}

// deliveryFields returns the conditions on a delivery d that no walk's index serves, apart from those on its event, status and endpoint. The
// last attempt is read by a scalar subquery: it is always one lookup by primary key, whatever the statistics say.
func deliveryFields(f webhook.DeliveryFilter) (c conditions) {
	const lastAttempt = "FROM attempts a WHERE a.id = d.last_attempt_id"
	switch f.FailureReason {
	case "":
	case webhook.FailureExhausted:
		c.add("d.failure_reason = '' AND COALESCE((SELECT a.response_status "+lastAttempt+"), 0) <> ?", gone)
	case webhook.FailureGone:
		c.add("d.failure_reason = '' AND COALESCE((SELECT a.response_status "+lastAttempt+"), 0) = ?", gone)
	default:
		c.equal("d.failure_reason", string(f.FailureReason))
	}
	if f.ErrorCode != "" {
		c.add("(SELECT a.error_code "+lastAttempt+") = ?", string(f.ErrorCode))
	}
	if !f.FailedBefore.IsZero() {
		c.add("COALESCE(d.failed_at, d.updated_at) < ?", f.FailedBefore) // one that an old version recorded has no failed_at
	}
	if f.ResponseStatus != (webhook.StatusRange{}) {
		c.add("(SELECT a.response_status "+lastAttempt+") BETWEEN ? AND ?", f.ResponseStatus.Low, f.ResponseStatus.High)
	}
	return c
}

// statusIn returns the condition that a delivery has one of the statuses, without the use of an index. It is empty for all statuses.
func statusIn(statuses []webhook.Status) (c conditions) {
	if len(statuses) < len(webhook.Statuses) {
		c.add("(d.status || '') IN ?", statuses)
	}
	return c
}

// searchDeliveries returns the IDs of a page of deliveries, and the position to continue at.
func (s *Store) searchDeliveries(ctx context.Context, f webhook.DeliveryFilter, page webhook.Page) (ids []string, next string, err error) {
	if len(f.Possible()) == 0 {
		return nil, "", nil
	}
	short, err := s.shortWalk(ctx, f, page)
	if err != nil {
		return nil, "", err
	}
	if !short {
		events, err := s.eventsToJoin(ctx, f, lastDelivery(f, page))
		if err != nil {
			return nil, "", err
		}
		if !events.empty() {
			return s.pageOfEvents(ctx, f, events, page)
		}
	}
	w, err := s.deliveryWalk(ctx, f)
	if err != nil {
		return nil, "", err
	}
	return s.page(ctx, w, page)
}

// eventsToJoin returns the conditions on few events, whose deliveries are then read. It returns none if the filter does not restrict events,
// or if too many match each of its conditions. Unless the time is zero, the
// deliveries are older than it, and a delivery is not older than its event.
func (s *Store) eventsToJoin(ctx context.Context, f webhook.DeliveryFilter, before time.Time) (conditions, error) {
	if f.EventID != "" {
		var one conditions
		one.equal("e.organization_id", f.OrganizationID)
		one.equal("e.id", f.EventID)
		return one, nil
	}
	for _, events := range searchedEvents(f) {
		restricted := events.and(conditions{})
		if !before.IsZero() {
			restricted.add("e.id < ?", webhook.FirstID(webhook.KindEvent, before.Add(publishedAhead)))
		}
		few, err := s.few(ctx, walk{table: "events", alias: "e", branches: []conditions{restricted}})
		if err != nil || few {
			return restricted, err
		}
	}
	return conditions{}, nil
}

// publishedAhead is by how much the clock of a process that publishes may be ahead of one that replays.
const publishedAhead = 10 * time.Minute

// lastDelivery returns a time that no delivery of the page is younger than.
func lastDelivery(f webhook.DeliveryFilter, page webhook.Page) time.Time {
	last := webhook.Now()
	if !f.To.IsZero() && f.To.Before(last) {
		last = f.To
	}
	if at, ok := webhook.TimeOfID(page.After); ok && at.Before(last) {
		last = at
	}
	return last
}

// pageOfEvents returns a page of the deliveries of few events. It reads them all and sorts them.
func (s *Store) pageOfEvents(ctx context.Context, f webhook.DeliveryFilter, events conditions, page webhook.Page) (ids []string, next string, err error) {
	var after conditions
	after.after("d", page.After)
	query, arguments := s.deliveriesOf(f, events, after)
	err = s.planned(ctx).Raw(query+" ORDER BY d.id DESC LIMIT ?", append(arguments, page.Offset+page.Limit+1)...).Scan(&ids).Error
	ids, next = cut(ids, page)
	return ids, next, err
}

// deliveriesOf returns the query of the IDs of those deliveries d of few events that the filter and further conditions select, in no order.
func (s *Store) deliveriesOf(f webhook.DeliveryFilter, events, further conditions) (query string, arguments []any) {
	events = events.and(eventFields(f))
	var d conditions
	d.equal("d.organization_id || ''", f.OrganizationID)
	d.equal("d.endpoint_id || ''", f.EndpointID)
	d.equal("d.bulk_job_id || ''", f.BulkJobID)
	d.created("d", webhook.KindDelivery, f.From, f.To)
	d = d.and(further).and(statusIn(f.Possible())).and(deliveryFields(f))
	// Both forms look up the deliveries of one event after the other.
	join := "CROSS JOIN LATERAL (SELECT * FROM deliveries WHERE event_id = e.id OFFSET 0) d"
	if !s.dialect.Postgres {
		join = "CROSS JOIN deliveries d ON d.event_id = e.id"
	}
	query = "WITH e AS MATERIALIZED (SELECT e.id FROM events e WHERE " + events.where() + ") SELECT d.id FROM e " + join +
		" WHERE " + d.where()
	return query, slices.Clip(events.and(d).arguments)
}

// gone is the answer of a receiver that does not exist any more.
const gone = http.StatusGone
