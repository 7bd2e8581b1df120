package claim

import (
	"context"
	"time"

	"redrive/pkg/lifecycle"
	"redrive/pkg/queue"
	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

const (
	// readAhead is the number of deliveries of a lane that are read at once, and lowWater from how many on more are read.
	readAhead, lowWater = 256, 64
	// lanesAtOnce bounds one statement.
	lanesAtOnce = 64
	// sweepLimit is the number of deliveries at the start of a lane among which late ones are looked for. It is more than a dispatcher
	// has in flight.
	sweepLimit = 600
	// busyInterval is the time between two reads of the lanes while one must be read, waitingInterval while none must be, and idleInterval
	// while no lane is in backlog. A take that finds added deliveries triggers a read immediately.
	busyInterval, waitingInterval, idleInterval = 100 * time.Millisecond, time.Second, 5 * time.Second
	// sweepInterval is the time between two looks for late deliveries.
	sweepInterval = 500 * time.Millisecond
	readTimeout   = 5 * time.Second
	// Two passes are at least this far apart, so that a flood of notifications does not make Redis list the lanes without end.
	leastPause, pausePerLane = 4 * time.Millisecond, 10 * time.Microsecond
)

// progress is how far a lane was read.
type progress struct {
	of       *lane            // the chooser's lane; it has another one after the lane was closed
	reached  webhook.Position // lane.reached before the last list
	state    queue.LaneState  // as of the last list
	read     webhook.Position
	seen     int64     // Added when the end of the lane was reached
	end      bool      // no delivery that is due is behind read
	nextDue  time.Time // of the delivery behind read; zero without one
	swept    webhook.Position
	wasSwept bool
}

// reader reads deliveries ahead from lanes in backlog. One goroutine runs it.
type reader struct {
	claimer *Claimer
	wake    chan struct{}
	lanes   map[webhook.Lane]*progress
	sweepAt time.Time
	failing bool
}

func newReader(c *Claimer) *reader {
	return &reader{claimer: c, wake: make(chan struct{}, 1), lanes: map[webhook.Lane]*progress{}}
}

// look has the reader look soon.
func (r *reader) look() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

func (r *reader) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.wake:
		case <-timer.C:
		}
		err := r.pass(ctx)
		if ctx.Err() != nil {
			return
		}
		r.report(ctx, err)
		if lifecycle.Sleep(ctx, leastPause+time.Duration(len(r.lanes))*pausePerLane) != nil {
			return
		}
		timer.Reset(r.pause())
	}
}

// report logs the first of a row of failures, and their end.
func (r *reader) report(ctx context.Context, err error) {
	switch {
	case err != nil && !r.failing:
		r.claimer.options.Log.WarnContext(ctx, "reading the backlog failed and is tried again", "error", err)
	case err == nil && r.failing:
		r.claimer.options.Log.InfoContext(ctx, "reading the backlog succeeds again")
	}
	r.failing = err != nil
}

func (r *reader) pause() time.Duration {
	switch {
	case r.failing:
		return waitingInterval
	case len(r.lanes) == 0:
		return idleInterval
	}
	pause := waitingInterval
	for _, p := range r.lanes {
		if !p.end {
			return busyInterval
		}
		if !p.nextDue.IsZero() {
			pause = min(pause, max(time.Until(p.nextDue), 0))
		}
	}
	return pause
}

// pass looks at the lanes, reads ahead, looks for late deliveries and closes lanes that are empty.
func (r *reader) pass(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	if err := r.refresh(ctx); err != nil {
		return err
	}
	if err := r.fill(ctx); err != nil {
		return err
	}
	if time.Now().Before(r.sweepAt) {
		return nil
	}
	r.sweepAt = time.Now().Add(sweepInterval)
	return r.sweep(ctx)
}

// refresh takes over what Redis says about the lanes.
func (r *reader) refresh(ctx context.Context) error {
	r.noteReached()
	listed, err := r.claimer.options.Lanes.List(ctx)
	if err != nil {
		return err
	}
	c := r.claimer
	c.mutex.Lock()
	defer c.mutex.Unlock()
	for id := range r.lanes {
		if _, open := listed[id]; !open {
			delete(r.lanes, id)
			c.chooser.close(id)
		}
	}
	for id, state := range listed {
		l, p := c.chooser.open(id), r.lanes[id]
		switch {
		case p == nil || p.of != l: // it is new, or was closed and reopened
			p = &progress{of: l, read: state.Cursor}
			r.lanes[id] = p
			l.rows = nil
		case p.reached.After(state.Cursor): // it was reopened, or Redis was emptied
			p.read, p.end, p.wasSwept = state.Cursor, false, false
			l.rows, l.reached = nil, state.Cursor
		case state.Cursor.After(p.read): // other dispatchers are ahead
			p.read = state.Cursor
		}
		l.drop(state.Cursor)
		l.reach(state.Cursor)
		if state.Added != p.seen {
			p.end = false
		}
		p.state, l.more = state, !p.end
	}
	return nil
}

// noteReached copies lane.reached of all lanes. A cursor that is listed later and is before that position was moved back.
func (r *reader) noteReached() {
	r.claimer.mutex.Lock()
	defer r.claimer.mutex.Unlock()
	for _, p := range r.lanes {
		p.reached = p.of.reached
	}
}

// drop removes what was read ahead and has been claimed by others.
func (l *lane) drop(cursor webhook.Position) {
	for len(l.rows) > 0 && !l.rows[0].Late && !l.rows[0].Position.After(cursor) {
		l.rows = l.rows[1:]
	}
}

// fill reads ahead in lanes that have little left.
func (r *reader) fill(ctx context.Context) error {
	cursors := r.hungry()
	if len(cursors) == 0 {
		return nil
	}
	read, err := r.claimer.options.Store.ReadLanes(ctx, cursors, readAhead)
	if err != nil {
		return err
	}
	c, now := r.claimer, webhook.Now()
	c.mutex.Lock()
	found := false
	for i, rows := range read {
		l, p := c.chooser.open(cursors[i].Lane), r.lanes[cursors[i].Lane]
		added := p.append(l, rows, now)
		found, l.more = found || added, !p.end
	}
	c.mutex.Unlock()
	if found {
		c.signal()
	}
	return nil
}

// hungry returns where to read on in lanes that have little left.
func (r *reader) hungry() []store.LaneCursor {
	c, now := r.claimer, webhook.Now()
	c.mutex.Lock()
	defer c.mutex.Unlock()
	var cursors []store.LaneCursor
	for id, p := range r.lanes {
		due := !p.end || !p.nextDue.IsZero() && !p.nextDue.After(now)
		if due && len(c.chooser.open(id).rows) < lowWater {
			cursors = append(cursors, store.LaneCursor{Lane: id, After: p.read})
		}
		if len(cursors) == lanesAtOnce {
			break
		}
	}
	return cursors
}

// append adds the rows that are due to what was read ahead, and notes what comes next. It reports whether it added any.
func (p *progress) append(l *lane, rows []store.Due, now time.Time) bool {
	p.end, p.nextDue, p.seen = len(rows) < readAhead, time.Time{}, p.state.Added
	for i, row := range rows {
		if !row.IsDue(now) {
			p.end, p.nextDue = true, row.NextRetryAt
			return i > 0
		}
		position := row.Position()
		l.rows = append(l.rows, queue.Candidate{Lane: l.Lane, Position: position})
		p.read = position
	}
	return len(rows) > 0
}
