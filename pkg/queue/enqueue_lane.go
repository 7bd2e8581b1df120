package queue

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// enqueuedTogether is the number of deliveries of a lane that one script enqueues. A pipeline may merge 200 such scripts, and Lua unpacks no more
// than 8,000 values.
const enqueuedTogether = 16

// EnqueueLane is EnqueueSettled for deliveries of one lane, in their order. After the first that waits in its lane, one question to Redis
// serves all that follow. The placements are of the deliveries up to the first error.
func (e *Enqueuer) EnqueueLane(ctx context.Context, items []Item) ([]Placement, error) {
	made := make([]Placement, 0, len(items))
	for len(items) > 0 {
		together := items[:min(enqueuedTogether, len(items))]
		placed, err := e.placeTogether(ctx, together)
		made = append(made, placed...)
		if err != nil {
			return made, err
		}
		items = items[len(together):]
		if made[len(made)-1] != Backlogged || len(items) == 0 || slices.ContainsFunc(items, func(i Item) bool { return i.Ended }) {
			continue
		}
		first := slices.MinFunc(items, func(a, b Item) int { return strings.Compare(encodePosition(a.Position), encodePosition(b.Position)) })
		added, err := e.lanes.Add(ctx, items[0].Lane, first.Position, len(items))
		if err != nil {
			return made, err
		}
		if added {
			return append(made, slices.Repeat([]Placement{Backlogged}, len(items))...), nil
		}
	}
	return made, nil
}

// placeTogether enqueues deliveries by one script, and then those alone that have other tasks or are not due.
func (e *Enqueuer) placeTogether(ctx context.Context, items []Item) ([]Placement, error) {
	made := make([]Placement, len(items))
	differs := func(i Item) bool { return !i.fair() || i.Queue != items[0].Queue }
	if len(items) > 1 && !slices.ContainsFunc(items, differs) {
		var err error
		if made, err = e.placeFair(ctx, items...); err != nil {
			return nil, fmt.Errorf("enqueue %d deliveries: %w", len(items), err)
		}
	}
	for i, item := range items {
		if made[i] != "" {
			continue
		}
		var err error
		if made[i], err = e.EnqueueSettled(ctx, item); err != nil {
			return made[:i], err
		}
	}
	return made, nil
}
