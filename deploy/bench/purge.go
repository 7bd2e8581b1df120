package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"redrive/deploy/bench/report"
	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

// The details of a purge.
const (
	detailPurging = "while purging"
	detailPurged  = "purged"

	// purgeBatch is the dispatcher's, and the rest after each batch has the duration of the batch, as in the dispatcher. The dispatcher's
	// own purge cannot be started on request: it begins at a random time within an hour.
	purgeBatch = 500
)

// measurePurge repeats the measurement while old deliveries are removed in the same way as by the dispatcher.
func measurePurge(ctx context.Context, s *session, v *services) error {
	c, err := s.customer(ctx)
	if err != nil {
		return err
	}
	defer c.close()
	r, err := s.servers.receiver()
	if err != nil {
		return err
	}
	endpoint, err := c.createEndpoint(ctx, r.url(pathOK), eventType, 0)
	if err != nil {
		return err
	}
	r.expect(1)
	id, err := c.publish(ctx, eventBody(eventType))
	if err != nil {
		return err
	}
	if err := errors.Join(r.await(ctx, arrivalPatience), settled(ctx, v.store())); err != nil {
		return err
	}
	s.progress.say("latency: filling in %d old deliveries", s.amounts.purge)
	f := filling{database: v.database, deliveryID: id, count: s.amounts.purge, endpoints: []string{endpoint}}
	if err := f.run(ctx); err != nil {
		return err
	}

	s.progress.say("latency: %d events/s for %s, while purging", latencyRate, s.amounts.latency)
	purging := startPurge(ctx, v.store())
	beside, err := measureLatency(ctx, s)
	purged, ended, purgeErr := purging.stop()
	if err := errors.Join(err, purgeErr); err != nil {
		return err
	}
	beside = slices.DeleteFunc(beside, func(e publishedEvent) bool { return e.due.After(ended) })
	if err := s.noteLatency(detailPurging, beside); err != nil {
		return err
	}
	if s.wants(rowLatencyP99) {
		s.samples.Add(report.Detail(rowLatencyP99, detailPurged), purged)
	}
	return nil
}

// purge removes old deliveries and then their events until it is stopped or none is left.
type purge struct {
	cancel       context.CancelFunc
	done         chan error
	count        int64 // of deliveries
	began, ended time.Time
}

func startPurge(ctx context.Context, s *store.Store) *purge {
	ctx, cancel := context.WithCancel(ctx)
	p := &purge{cancel: cancel, done: make(chan error, 1), began: time.Now()}
	go func() {
		err := p.run(ctx, s)
		if ctx.Err() != nil {
			err = nil // it was stopped
		}
		p.ended = time.Now()
		p.done <- err
	}()
	return p
}

// stop returns the number of removed deliveries per second, including events and rests, and the time at which none was left.
func (p *purge) stop() (rate float64, ended time.Time, err error) {
	p.cancel()
	if err := <-p.done; err != nil {
		return 0, time.Time{}, fmt.Errorf("purge: %w", err)
	}
	if p.count == 0 {
		return 0, time.Time{}, errors.New("purge: nothing was removed")
	}
	return report.Rate(int(p.count), p.ended.Sub(p.began)), p.ended, nil
}

func (p *purge) run(ctx context.Context, s *store.Store) error {
	before := webhook.Now().Add(-time.Hour)
	for _, remove := range []func(context.Context, time.Time, string, int) (store.Purged, error){s.PurgeDeliveries, s.PurgeEndpoints, s.PurgeEvents} {
		for after := ""; ; {
			began := time.Now()
			purged, err := remove(ctx, before, after, purgeBatch)
			if err != nil {
				return err
			}
			p.count += purged.Deliveries
			if after = purged.After; after == "" {
				break
			}
			select {
			case <-time.After(time.Since(began)):
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	return nil
}
