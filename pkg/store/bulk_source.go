package store

import (
	"context"
	"slices"
	"strings"
	"time"

	"redrive/pkg/webhook"
)

// A bulkSource reads what a job handles, oldest first: deliveries, or events for webhook.BulkDeliver. It reads the same rows as the lists
// with the same filter.
type bulkSource struct {
	walk walk
	// query selects the deliveries of few events, if it is not empty. They are read as a whole and sorted.
	query     string
	arguments []any
	empty     bool
}

// bulkSource returns the source of a job, or of the plan of one.
func (s *Store) bulkSource(ctx context.Context, job webhook.BulkJob) (bulkSource, error) {
	if job.Action == webhook.BulkDeliver {
		return s.bulkEvents(ctx, job)
	}
	f, err := job.Deliveries()
	if err != nil {
		return bulkSource{}, err
	}
	var existed conditions
	if job.Action == webhook.BulkRetry {
		f.FailedBefore = job.CreatedAt
	} else {
		existed = existedBefore("d", job.CreatedAt)
	}
	if len(f.Possible()) == 0 {
		return bulkSource{empty: true}, nil
	}
	events, err := s.eventsToJoin(ctx, f, f.To)
	if err != nil {
		return bulkSource{}, err
	}
	few := false
	if !events.empty() {
		if few, err = s.fewDeliveries(ctx, events); err != nil {
			return bulkSource{}, err
		}
	}
	if few {
		query, arguments := s.deliveriesOf(f, events, existed)
		return bulkSource{query: query, arguments: arguments}, nil
	}
	w, err := s.deliveryWalk(ctx, f)
	w.ascending, w.filter = true, w.filter.and(existed)
	return bulkSource{walk: w}, err
}

// existedBefore returns the condition that a row was inserted before a time of the clock of the database. The clock of the process that has
// inserted it does not matter. Rows of SQLite and of an old version have no inserted_at.
func existedBefore(alias string, at time.Time) (c conditions) {
	c.add("COALESCE("+alias+".inserted_at, "+alias+".created_at) < ?", at)
	return c
}

// fewDeliveries reports whether events have at most probeRows deliveries, so that all of them can be read for each step.
func (s *Store) fewDeliveries(ctx context.Context, events conditions) (bool, error) {
	query, arguments := s.deliveriesOf(webhook.DeliveryFilter{}, events, conditions{})
	return s.hasAtMost(ctx, query, arguments, probeRows)
}

// bulkEvents returns the source of the events of the types that the job's endpoint subscribes to now.
func (s *Store) bulkEvents(ctx context.Context, job webhook.BulkJob) (bulkSource, error) {
	f, err := job.Events()
	if err != nil {
		return bulkSource{}, err
	}
	endpoint, err := s.FindEndpointEver(ctx, job.OrganizationID, job.EndpointID)
	if webhook.CodeOf(err) == webhook.CodeNotFound { // it was purged after it was deleted
		return bulkSource{empty: true}, nil
	}
	if err != nil {
		return bulkSource{}, err
	}
	w, err := s.eventWalk(ctx, f)
	w.ascending = true
	w.filter = w.filter.and(existedBefore("e", job.CreatedAt)).and(subscribed(endpoint.SubscribedEventTypes))
	w.filter.add(notTest)
	return bulkSource{walk: w}, err
}

// notTest is the condition that an event e is not that of a test, which is for one endpoint only.
const notTest = "NOT EXISTS (SELECT 1 FROM deliveries t WHERE t.event_id = e.id AND t.test)"

// subscribed returns the conditions that subscriptions match the type of an event e, as webhook.Subscribes does.
func subscribed(subscriptions []string) (c conditions) {
	const beginsWith = "substr(e.event_type, 1, ?) = ?" // LIKE ignores the case in SQLite
	notReserved := "NOT " + beginsWith
	reserved := []any{len(webhook.ReservedPrefix), webhook.ReservedPrefix}
	if len(subscriptions) == 0 {
		c.add(notReserved, reserved...)
		return c
	}
	text := ""
	var arguments []any
	for _, entry := range subscriptions {
		one, values := "e.event_type = ?", []any{entry}
		if prefix, wild := strings.CutSuffix(entry, "*"); wild {
			one, values = beginsWith, []any{len(prefix), prefix}
		}
		if !webhook.ReservedEventType(entry) {
			one, values = one+" AND "+notReserved, append(values, reserved...)
		}
		if text != "" {
			text += " OR "
		}
		text += one
		arguments = append(arguments, values...)
	}
	c.add("("+text+")", arguments...)
	return c
}

// page returns up to limit IDs after a position, and the position to continue at. The position is empty if nothing follows. The page may be
// short or empty although more follows.
func (b bulkSource) page(ctx context.Context, s *Store, after string, limit int) (ids []string, next string, err error) {
	page := webhook.Page{After: after, Limit: limit}
	switch {
	case b.empty:
		return nil, "", nil
	case b.query == "":
		return s.page(ctx, b.walk, page)
	}
	query, arguments := b.joined(after, limit+1)
	err = s.planned(ctx).Raw(query, arguments...).Scan(&ids).Error
	ids, next = cut(ids, page)
	return ids, next, err
}

// joined returns the query of up to limit deliveries of few events after a position, oldest first.
func (b bulkSource) joined(after string, limit int) (query string, arguments []any) {
	return b.query + " AND d.id > ? ORDER BY d.id LIMIT ?", append(slices.Clip(b.arguments), after, limit)
}
