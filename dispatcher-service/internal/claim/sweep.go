package claim

import (
	"context"
	"slices"

	"redrive/pkg/queue"
	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

// sweep looks for deliveries that a lane's cursor has passed and that have no task: rows are not committed in the order of their
// times, and workers give deliveries back. It restarts the reading of a lane if a due delivery was not read, or was read and not claimed. It
// closes lanes without waiting deliveries.
func (r *reader) sweep(ctx context.Context) error {
	for cursors := range slices.Chunk(r.unswept(), lanesAtOnce) {
		rows, err := r.claimer.options.Store.ReadLanes(ctx, cursors, sweepLimit)
		if err != nil {
			return err
		}
		for i, lane := range cursors {
			if err := r.sweepLane(ctx, lane.Lane, rows[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// unswept returns the lanes that were claimed from since the last sweep, and those that may be empty.
func (r *reader) unswept() []store.LaneCursor {
	var cursors []store.LaneCursor
	for id, p := range r.lanes {
		if p.end || !p.wasSwept || p.swept != p.state.Cursor {
			cursors = append(cursors, store.LaneCursor{Lane: id})
		}
	}
	return cursors
}

func (r *reader) sweepLane(ctx context.Context, id webhook.Lane, rows []store.Due) error {
	p := r.lanes[id]
	if len(rows) == 0 && p.end && p.seen == p.state.Added {
		return r.close(ctx, id, p)
	}
	passed, now, idle := map[string]webhook.Position{}, webhook.Now(), r.isIdle(p)
	var ids []string
	for _, row := range rows {
		position := row.Position()
		switch {
		case !p.state.Behind(position):
			passed[row.ID] = position
			ids = append(ids, row.ID)
		case !row.IsDue(now): // it is read when it is due
		case position.After(p.read):
			p.end = false // its enqueue was lost: nothing was added to the lane
		case idle:
			p.read, p.end = p.state.Cursor, false // it was read, and its candidate was lost
		}
	}
	late, err := r.claimer.options.Lanes.WithoutTask(ctx, r.claimer.options.Queue, ids)
	if err != nil {
		return err
	}
	p.swept, p.wasSwept = p.state.Cursor, len(late) == 0
	r.putFirst(id, late, passed)
	return nil
}

// isIdle reports whether the lane has no rows that were read ahead, and its cursor has not moved since the last sweep.
func (r *reader) isIdle(p *progress) bool {
	r.claimer.mutex.Lock()
	defer r.claimer.mutex.Unlock()
	return p.wasSwept && p.swept == p.state.Cursor && len(p.of.rows) == 0
}

// putFirst puts late deliveries in front of what was read ahead.
func (r *reader) putFirst(id webhook.Lane, late []string, positions map[string]webhook.Position) {
	if len(late) == 0 {
		return
	}
	c := r.claimer
	c.mutex.Lock()
	l := c.chooser.open(id)
	known := map[string]bool{}
	for _, candidate := range l.rows {
		known[candidate.Position.DeliveryID] = true
	}
	var first []queue.Candidate
	for _, deliveryID := range late {
		if !known[deliveryID] {
			first = append(first, queue.Candidate{Lane: id, Position: positions[deliveryID], Late: true})
		}
	}
	c.metrics.swept.Add(float64(len(first)))
	l.rows = append(first, l.rows...)
	c.mutex.Unlock()
	c.signal()
}

func (r *reader) close(ctx context.Context, id webhook.Lane, p *progress) error {
	closed, err := r.claimer.options.Lanes.Close(ctx, id, p.state)
	if err != nil || !closed {
		return err
	}
	delete(r.lanes, id)
	r.claimer.mutex.Lock()
	defer r.claimer.mutex.Unlock()
	r.claimer.chooser.close(id)
	return nil
}
