package bench

import (
	"context"
	"fmt"
	"time"

	"redrive/deploy/bench/report"
	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

// roundPartitions divides a large database by month while events are published, compares lookups before and after, and drops the month that
// has all deliveries.
func roundPartitions(ctx context.Context, s *session) error {
	url, err := s.servers.createDatabase(ctx, "partitioned")
	if err != nil {
		return err
	}
	d, err := openDatabase(ctx, url)
	if err != nil {
		return err
	}
	s.opened.Push(rowPartitions, func(context.Context) error { return d.close() })
	m := &monthly{session: s, database: d}
	if err := m.fill(ctx); err != nil {
		return err
	}
	if err := m.lookups(ctx, undivided); err != nil {
		return err
	}
	now := webhook.Now()
	s.progress.say("%s: dividing %d deliveries while events are published", rowPartitions, s.amounts.partitioned)
	err = m.besidePublishing(ctx, detailConversion, detailConversionBlocks, func(ctx context.Context) error {
		_, err := d.store.PartitionByMonth(ctx, now, func(string) {})
		return err
	})
	if err != nil {
		return err
	}
	// As many partitions as an installation has that keeps 90 days.
	for month := range 5 {
		if _, _, err := d.store.MakePartitions(ctx, now.AddDate(0, month, 0)); err != nil {
			return fmt.Errorf("make partitions: %w", err)
		}
	}
	if err := m.lookups(ctx, ""); err != nil {
		return err
	}
	s.progress.say("%s: dropping %d deliveries while events are published", rowPartitions, s.amounts.partitioned)
	return m.besidePublishing(ctx, "", detailDropBlocks, m.drop)
}

// monthly is a database that is divided.
type monthly struct {
	*session
	*database
	endpoint webhook.Endpoint
	looked   int // deliveries that lookups have used
}

// fill makes the deliveries, half of which have failed, long ago.
func (m *monthly) fill(ctx context.Context) error {
	now := webhook.Now()
	m.endpoint = webhook.NewEndpoint("org_bench", "", webhook.EndpointSpec{Name: "bench", URL: "https://example.com"}, "whsec_bench", now)
	if err := m.store.CreateEndpoint(ctx, m.endpoint); err != nil {
		return err
	}
	id, err := m.publishOne(ctx)
	if err != nil {
		return err
	}
	m.session.progress.say("%s: filling in %d deliveries", rowPartitions, m.amounts.partitioned)
	f := filling{database: m.database, deliveryID: id, count: m.amounts.partitioned, endpoints: []string{m.endpoint.ID}, anew: true, sorted: true}
	return f.run(ctx)
}

// publishOne publishes an event and records a failure of its delivery.
func (m *monthly) publishOne(ctx context.Context) (string, error) {
	now := webhook.Now()
	event := webhook.NewEvent(m.endpoint.OrganizationID, webhook.EventSpec{Type: eventType, Data: []byte(`{"state":"finished"}`)}, now)
	d := webhook.NewDelivery(event, m.endpoint, now)
	if err := m.store.CreateEvent(ctx, event, []webhook.Delivery{d}); err != nil {
		return "", err
	}
	d.MaxRetries = 0
	outcome, err := webhook.Policy{}.Decide(d, webhook.Result{StartedAt: now, ResponseStatus: 500, ResponseBody: []byte("no")}, now)
	if err != nil {
		return "", err
	}
	outcome.EventType = eventType
	_, err = m.store.RecordOutcome(ctx, outcome)
	return d.ID, err
}

// besidePublishing does something while events are published and recorded one after the other. It notes how long it takes, and the longest
// time of one event.
func (m *monthly) besidePublishing(ctx context.Context, took, blocks string, do func(context.Context) error) error {
	publishing, stop := context.WithCancel(ctx)
	defer stop()
	var longest time.Duration
	published := make(chan error, 1)
	go func() {
		for publishing.Err() == nil {
			began := time.Now()
			if _, err := m.publishOne(ctx); err != nil {
				published <- err
				return
			}
			longest = max(longest, time.Since(began))
		}
		published <- nil
	}()
	began := time.Now()
	err := do(ctx)
	whole := time.Since(began)
	stop()
	if failed := <-published; failed != nil {
		return fmt.Errorf("publish meanwhile: %w", failed)
	}
	if took != "" {
		m.samples.Add(report.Detail(rowPartitions, took), whole.Seconds())
	}
	m.samples.Add(report.Detail(rowPartitions, blocks), report.Milliseconds(longest))
	return err
}

// drop drops everything before the first month.
func (m *monthly) drop(ctx context.Context) error {
	began := time.Now()
	dropped, err := m.store.DropMonths(ctx, store.StartOfMonth(webhook.Now()).AddDate(0, 2, 0))
	if err != nil {
		return err
	}
	if len(dropped) == 0 || dropped[0].TooMany || dropped[0].Deliveries < int64(m.amounts.partitioned) {
		return fmt.Errorf("drop a month: %+v", dropped)
	}
	m.samples.Add(report.Detail(rowPartitions, detailDropWhole), time.Since(began).Seconds())
	m.samples.Add(rowPartitions, dropped[0].Locked.Seconds())
	return nil
}
