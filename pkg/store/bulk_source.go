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
	f.To = earlier(f.To, job.CreatedAt)
	if job.Action == webhook.BulkRetry {
		f.FailedBefore = job.CreatedAt
	}
	if len(f.Possible()) == 0 {
		return bulkSource{empty: true}, nil
	}
	events, err := s.eventsToJoin(ctx, f, webhook.Page{})
	if err != nil {
		return bulkSource{}, err
	}
	if !events.empty() {
		query, arguments := s.deliveriesOf(f, events, conditions{})
		return bulkSource{query: query, arguments: arguments}, nil
	}
	w, err := s.deliveryWalk(ctx, f)
	w.ascending = true
	return bulkSource{walk: w}, err
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
	f.To = earlier(f.To, job.CreatedAt)
	w, err := s.eventWalk(ctx, f)
	w.ascending = true
	w.filter = w.filter.and(subscribed(endpoint.SubscribedEventTypes))
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

// earlier returns the earlier of two times. A time that is zero is later than every other.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
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

// counted is how many rows of a source were counted.
type counted struct {
	rows        int64
	first, last string // the IDs of the first and the last of them
	next        string // the position to continue at
	done        bool
}

const (
	// countWindow and longestCountWindow bound the rows of one statement of a count. A window is four times as large as the one before
	// while that was fast.
	countWindow, longestCountWindow = 1024, 65536
	fastCount                       = 100 * time.Millisecond
)

// count counts the rows after a position, up to most, for about as long as the budget. It is done if nothing follows or most are counted.
func (b bulkSource) count(ctx context.Context, s *Store, after string, most int64, budget time.Duration) (c counted, err error) {
	began := time.Now()
	c.next = after
	if b.empty {
		c.done = true
		return c, nil
	}
	for window := countWindow; ; {
		lap := time.Now()
		if err := b.countWindow(ctx, s, &c, window, most); err != nil {
			return c, err
		}
		if c.done || time.Since(began) > budget {
			return c, nil
		}
		if time.Since(lap) < fastCount {
			window = min(4*window, longestCountWindow)
		}
	}
}

// countWindow counts the rows of the next window.
func (b bulkSource) countWindow(ctx context.Context, s *Store, c *counted, window int, most int64) (err error) {
	limit := window
	if rest := most - c.rows; rest < int64(limit) {
		limit = int(rest)
	}
	var query, end string
	var arguments []any
	if b.query != "" {
		query, arguments = b.joined(c.next, limit)
	} else {
		if end, err = s.windowEnd(ctx, b.walk, c.next, window); err != nil {
			return err
		}
		query, arguments = b.walk.union(b.walk.filter, end, c.next, limit)
		query, arguments = query+" LIMIT ?", append(arguments, limit)
	}
	var found struct {
		Counted     int64
		First, Last string
	}
	err = s.planned(ctx).Raw("SELECT count(*) AS counted, COALESCE(min(id), '') AS first, COALESCE(max(id), '') AS last FROM ("+query+") counting",
		arguments...).Scan(&found).Error
	if err != nil {
		return err
	}
	if c.first == "" {
		c.first = found.First
	}
	if found.Last != "" {
		c.last = found.Last
	}
	c.rows += found.Counted
	switch {
	case b.query != "":
		c.done, c.next = found.Counted < int64(limit), c.last
	default:
		c.done, c.next = end == "", end
	}
	c.done = c.done || c.rows >= most
	return nil
}
