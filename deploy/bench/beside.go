package bench

import (
	"context"
	"errors"
	"time"

	"redrive/deploy/bench/report"
)

// measureAround is measureBeside, and adds to alone a second measurement afterwards. If the machine becomes slower during the round, both
// sides include it.
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

// besideSlice is the length of one measurement of the other endpoints. Measurements are repeated until the operation ends.
const besideSlice = 2 * time.Second

// measureBeside publishes to the endpoints at a constant rate while an operation runs.
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

// detailLive is the latency of live deliveries of other endpoints during the operation.
const detailLive = "p99 of live deliveries meanwhile"

// addLive adds the latencies of live deliveries alone and during the operation, and the permitted difference.
func (s *session) addLive(row string, alone, beside latencies, allowed float64) {
	s.samples.Add(report.Detail(row, detailLive), beside.p99())
	s.samples.Add(report.Detail(row, detailAlone), alone.p99())
	s.samples.Add(report.Detail(row, detailAllowed), allowed)
	s.samples.Add(report.Detail(row, detailLost), float64(alone.lost+beside.lost))
}

// aloneFactor is the permitted latency of live deliveries, as a multiple of their latency alone, while an endpoint or an organization is
// removed.
const aloneFactor = 1.5
