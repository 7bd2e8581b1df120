package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"redrive/deploy/bench/report"
)

// The details of the neighbour.
const (
	detailAlone   = "alone"
	detailAllowed = "allowed"
	detailLost    = "lost"
	// allowance is the permitted increase of the latency beside a hanging neighbour, beyond twice the latency alone.
	allowance = 20 // ms
	// neighbourPatience is the delay up to which a webhook of a healthy endpoint counts as late. After it, the webhook counts as lost.
	neighbourPatience = 60 * time.Second
)

// roundNeighbour publishes to healthy endpoints alone, and then beside an endpoint that hangs and has a backlog. Their organizations
// differ.
func roundNeighbour(ctx context.Context, s *session) error {
	running, err := s.cleared(ctx)
	if err != nil {
		return err
	}
	h, err := newHealthy(ctx, s)
	if err != nil {
		return err
	}
	defer h.close()
	s.progress.say("%s: alone, %d/s for %s", rowNeighbour, neighbourRate, s.amounts.alone)
	alone, err := h.measure(ctx, s.amounts.alone)
	if err != nil {
		return err
	}
	c, err := s.customer(ctx)
	if err != nil {
		return err
	}
	defer c.close()
	if _, err := hang(ctx, s, c, rowNeighbour, s.amounts.neighbour); err != nil {
		return err
	}
	// The queue is first in, first out. When this delivery has arrived, the earlier ones have been snoozed.
	h.receiver.expect(1)
	if _, err := h.publish(ctx, h.bodies[0]); err != nil {
		return err
	}
	if err := h.receiver.await(ctx, arrivalPatience); err != nil {
		return err
	}
	s.progress.say("%s: beside %d that hang, %d/s for %s", rowNeighbour, s.amounts.neighbour, neighbourRate, s.amounts.beside)
	beside, err := h.measure(ctx, s.amounts.beside)
	if err != nil {
		return err
	}
	p99 := func(m latencies) float64 { return report.Milliseconds(report.Percentile(m.fromAccepted, 0.99)) }
	s.samples.Add(rowNeighbour, p99(beside))
	s.samples.Add(report.Detail(rowNeighbour, detailAlone), p99(alone))
	s.samples.Add(report.Detail(rowNeighbour, detailAllowed), 2*p99(alone)+allowance)
	s.samples.Add(report.Detail(rowNeighbour, detailP50), report.Milliseconds(report.Percentile(beside.fromAccepted, 0.5)))
	s.samples.Add(report.Detail(rowNeighbour, detailLost), float64(alone.lost+beside.lost))
	return running.clear(ctx)
}

// hang makes waiting deliveries for an endpoint of the customer that never answers, and returns its ID.
func hang(ctx context.Context, s *session, c *customer, row string, count int) (endpoint string, err error) {
	r, err := s.servers.receiver()
	if err != nil {
		return "", err
	}
	if endpoint, err = c.createEndpoint(ctx, r.url(pathHang), eventType, 20); err != nil {
		return "", err
	}
	s.progress.say("%s: publishing %d for the one that hangs", row, count)
	if err := publishAll(ctx, c, count); err != nil {
		return "", err
	}
	const patience, look = 10 * time.Second, 10 * time.Millisecond
	for began := time.Now(); r.hanging.Load() == 0; time.Sleep(look) {
		if time.Since(began) > patience {
			return "", errors.New("the endpoint that is to hang is not sent anything")
		}
	}
	return endpoint, nil
}

// healthy makes endpoints of one customer, each with an event type of its own.
type healthy struct {
	*customer
	receiver *receiver
	bodies   [][]byte
}

func newHealthy(ctx context.Context, s *session) (*healthy, error) {
	r, err := s.servers.receiver()
	if err != nil {
		return nil, err
	}
	c, err := s.customer(ctx)
	if err != nil {
		return nil, err
	}
	h := &healthy{customer: c, receiver: r}
	for i := range neighbourEndpoints {
		eventType := fmt.Sprintf("bench.healthy.%d", i)
		if _, err := c.createEndpoint(ctx, r.url(pathOK), eventType, 5); err != nil {
			return nil, err
		}
		h.bodies = append(h.bodies, eventBody(eventType))
	}
	return h, warmUp(ctx, s, c, h.bodies[0])
}

func (h *healthy) measure(ctx context.Context, duration time.Duration) (latencies, error) {
	return h.measureAt(ctx, neighbourRate, duration)
}

func (h *healthy) measureAt(ctx context.Context, rate int, duration time.Duration) (latencies, error) {
	published, err := measureOpen(ctx, h.receiver, rate, duration, neighbourPatience, func(ctx context.Context, i int) (string, error) {
		return h.publish(ctx, h.bodies[i%len(h.bodies)])
	})
	return latenciesOf(h.receiver, published, neighbourPatience), err
}
