package bench

import (
	"context"
	"net/http"
	"time"

	"redrive/deploy/bench/report"
)

const (
	detailAnswer = "answer"
	// deletionPatience is longer than the time within which the contract ends waiting deliveries.
	deletionPatience = 3 * time.Minute
)

// roundDelete deletes an endpoint that hangs and has waiting deliveries, while events are published to other endpoints of its organization.
func roundDelete(ctx context.Context, s *session) error {
	running, err := s.cleared(ctx)
	if err != nil {
		return err
	}
	v := running.(*services)
	h, err := newHealthy(ctx, s)
	if err != nil {
		return err
	}
	defer h.close()
	s.progress.say("%s: live deliveries alone, %d/s for %s", rowDeleteEndpoint, neighbourRate, s.amounts.alone)
	alone, err := h.measure(ctx, s.amounts.alone)
	if err != nil {
		return err
	}
	endpoint, err := hang(ctx, s, h.customer, rowDeleteEndpoint, s.amounts.deleted)
	if err != nil {
		return err
	}
	s.progress.say("%s: deleting it", rowDeleteEndpoint)
	var answered, ended time.Duration
	beside, err := h.measureAround(ctx, &alone, neighbourRate, s.amounts.alone, func(ctx context.Context) error {
		began := time.Now()
		if err := h.call(ctx, http.MethodDelete, "/"+endpoint, nil, nil); err != nil {
			return err
		}
		answered = time.Since(began)
		err := noneWaiting(ctx, v.database, endpoint, deletionPatience)
		ended = time.Since(began)
		return err
	})
	if err != nil {
		return err
	}
	s.samples.Add(rowDeleteEndpoint, ended.Seconds())
	s.samples.Add(report.Detail(rowDeleteEndpoint, detailAnswer), answered.Seconds())
	s.addLive(rowDeleteEndpoint, alone, beside, aloneFactor*alone.p99())
	return running.clear(ctx)
}
