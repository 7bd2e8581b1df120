package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"redrive/deploy/bench/report"
)

// roundEndToEnd publishes while a dispatcher runs, and measures until the last outcome is recorded.
func roundEndToEnd(ctx context.Context, s *session) error {
	for _, way := range []struct {
		row     string
		count   int
		publish func(context.Context, *customer, int) (tally, error)
	}{
		{rowEndToEndSingle, s.amounts.endToEndSingle, publishSingles},
		{rowEndToEndBatch, s.amounts.endToEndBatch, publishBatches},
	} {
		if !s.wants(way.row) {
			continue
		}
		s.progress.say("%s: %d events", way.row, way.count)
		err := measureEndToEnd(ctx, s, way.row, way.count, way.publish)
		if errors.Is(err, errNoRoute) {
			s.samples.Miss(way.row, reasonNoBatches)
		} else if err != nil {
			return fmt.Errorf("%s: %w", way.row, err)
		}
	}
	return nil
}

func measureEndToEnd(ctx context.Context, s *session, row string, count int, publish func(context.Context, *customer, int) (tally, error)) error {
	running, c, r, err := s.subscribed(ctx)
	if err != nil {
		return err
	}
	defer c.close()
	watching := watch(running)
	r.expect(count)
	began := time.Now()
	if _, err := publish(ctx, c, count); err != nil {
		return err
	}
	if err := errors.Join(r.await(ctx, drainPatience), settled(ctx, running.store())); err != nil {
		return err
	}
	s.samples.Add(row, report.Rate(count, time.Since(began)))
	return watching.note(&s.samples, row, count)
}
