package bench

import (
	"context"
	"fmt"
	"time"

	"redrive/deploy/bench/report"
	"redrive/pkg/webhook"
)

const (
	// lookupsMeasured is the number of calls of each kind, after lookupsBefore that fill caches and make plans.
	lookupsMeasured, lookupsBefore = 1500, 200
	// lookupStride spreads the calls over the deliveries. It is odd and has no factor in common with usual numbers of deliveries.
	lookupStride = 7919
)

// lookups measures the median of each lookup by ID. The suffix is that of the samples.
func (m *monthly) lookups(ctx context.Context, suffix string) error {
	calls := map[string]func(id string) error{
		detailFind: func(id string) error {
			_, err := m.store.FindDelivery(ctx, m.endpoint.OrganizationID, id)
			return err
		},
		detailLoad: func(id string) error {
			_, err := m.store.LoadDispatch(ctx, id)
			return err
		},
		detailRetryOne: func(id string) error {
			_, err := m.store.RetryDelivery(ctx, m.endpoint.OrganizationID, id, webhook.Now())
			return err
		},
	}
	for _, name := range []string{detailFind, detailLoad, detailRetryOne} {
		var times []time.Duration
		for i := range lookupsBefore + lookupsMeasured {
			m.looked++
			id := filledID(2 * (1 + m.looked*lookupStride%(m.amounts.partitioned/2))) // one that has failed
			began := time.Now()
			if err := calls[name](id); err != nil {
				return fmt.Errorf("%s %s: %w", name, id, err)
			}
			if i >= lookupsBefore {
				times = append(times, time.Since(began))
			}
		}
		m.samples.Add(report.Detail(rowPartitions, name+suffix), report.Milliseconds(report.Percentile(times, 0.5)))
	}
	return nil
}
