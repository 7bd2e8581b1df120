package retention

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

// Partitions are the months of a database that `api-service partition` has divided. In any other database, the layout is zero and nothing is
// dropped.
type Partitions interface {
	MakePartitions(ctx context.Context, now time.Time) (store.PartitionLayout, []string, error)
	DropMonths(ctx context.Context, before time.Time) ([]store.DroppedMonth, error)
}

// partitionsTimeout bounds the work on partitions of one run. Counting the rows of a month takes most of it.
const partitionsTimeout = 30 * time.Minute

// partitionMetrics describe the partitions. They are 0 unless the tables are divided.
type partitionMetrics struct {
	count, until, oldest, strays prometheus.Gauge
}

func newPartitionMetrics(registry prometheus.Registerer) partitionMetrics {
	gauge := func(name, help string) prometheus.Gauge {
		g := prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
		registry.MustRegister(g)
		return g
	}
	return partitionMetrics{
		count:  gauge("redrive_partitions", "Partitions by month of each divided table; 0: the tables are not divided."),
		until:  gauge("redrive_partitions_end_timestamp_seconds", "End of the last month that has a partition, in seconds since 1970."),
		oldest: gauge("redrive_partitions_oldest_end_timestamp_seconds", "End of the oldest partition, in seconds since 1970."),
		strays: gauge("redrive_partitions_default_deliveries", "Estimated deliveries in the default partition."),
	}
}

func (m partitionMetrics) set(layout store.PartitionLayout) {
	m.count.Set(float64(len(layout.Parts)))
	m.strays.Set(float64(layout.Strays))
	if len(layout.Parts) > 0 {
		m.oldest.Set(float64(layout.Parts[0].To.Unix()))
		m.until.Set(float64(layout.Parts[len(layout.Parts)-1].To.Unix()))
	}
}

// makePartitions makes the partitions of the coming months.
func (p *Purger) makePartitions(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, partitionsTimeout)
	defer cancel()
	layout, missing, err := p.store.MakePartitions(ctx, webhook.Now())
	if err != nil {
		return fmt.Errorf("make the partitions of the coming months: %w", err)
	}
	if len(missing) > 0 {
		p.options.Log.WarnContext(ctx, "the default partition has rows of a month, which therefore has no partition", "partitions", missing)
	}
	p.divided = layout.Divided
	p.partitions.set(layout)
	return nil
}

// dropMonths drops months that ended before a time. It returns the time before which rows are purged in batches: the month of the given time
// is left to be dropped whole.
func (p *Purger) dropMonths(ctx context.Context, before time.Time) (time.Time, error) {
	if !p.divided {
		return before, nil
	}
	ctx, cancel := context.WithTimeout(ctx, partitionsTimeout)
	defer cancel()
	months, err := p.store.DropMonths(ctx, before)
	for _, m := range months {
		if m.TooMany {
			p.options.Log.InfoContext(ctx, "month has too many deliveries to keep and is purged in batches", "month", m.Name)
			continue
		}
		p.options.Log.InfoContext(ctx, "dropped a month", "month", m.Name, "deliveries", m.Deliveries, "attempts", m.Attempts, "events", m.Events,
			"kept", m.Kept, "locked", m.Locked)
		p.purged.WithLabelValues("delivery").Add(float64(m.Deliveries - m.Kept))
		p.purged.WithLabelValues("attempt").Add(float64(m.Attempts))
		p.purged.WithLabelValues("event").Add(float64(m.Events))
	}
	if err != nil {
		err = fmt.Errorf("drop old months: %w", err)
	}
	return store.StartOfMonth(before), err
}
