package bench

import (
	"context"
	"errors"
	"time"

	"redrive/deploy/bench/report"
)

// measureAround is measureBeside, and adds to alone what the endpoints take afterwards: a machine that becomes slower is slower for both.
func (h *healthy) measureAround(
	ctx context.Context, alone *latencies, rate int, duration time.Duration, do func(context.Context) error,
) (beside latencies, err error) {
	if beside, err = h.measureBeside(ctx, rate, do); err != nil {
		return beside, err
	}
	after, err := h.measureAt(ctx, rate, duration)
	alone.add(after)
	return beside, err
}

// besideSlice is how long the other endpoints are sent to at a time while something is done. They are measured until it is done.
const besideSlice = 2 * time.Second

// measureBeside sends to the endpoints at a rate while something is done.
func (h *healthy) measureBeside(ctx context.Context, rate int, do func(context.Context) error) (latencies, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- do(ctx) }()
	var beside latencies
	for {
		m, err := h.measureAt(ctx, rate, besideSlice)
		if err != nil {
			cancel()
			return beside, errors.Join(err, <-done)
		}
		beside.add(m)
		select {
		case err := <-done:
			return beside, err
		default:
		}
	}
}

func (m *latencies) add(other latencies) {
	m.fromAccepted = append(m.fromAccepted, other.fromAccepted...)
	m.fromDue = append(m.fromDue, other.fromDue...)
	m.lost += other.lost
}

// p99 is in milliseconds.
func (m *latencies) p99() float64 {
	return report.Milliseconds(report.Percentile(m.fromAccepted, 0.99))
}

// detailLive is what live deliveries of others take meanwhile.
const detailLive = "p99 of live deliveries meanwhile"

// addLive adds what live deliveries took alone and beside something, and how much is allowed.
func (s *session) addLive(row string, alone, beside latencies, allowed float64) {
	s.samples.Add(report.Detail(row, detailLive), beside.p99())
	s.samples.Add(report.Detail(row, detailAlone), alone.p99())
	s.samples.Add(report.Detail(row, detailAllowed), allowed)
	s.samples.Add(report.Detail(row, detailLost), float64(alone.lost+beside.lost))
}

// aloneFactor is how many times as long as alone live deliveries may take while an endpoint or an organization is removed.
const aloneFactor = 1.5
