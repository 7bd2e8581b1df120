package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"redrive/deploy/bench/report"
	"redrive/pkg/lifecycle"
)

const (
	// floodRate is the number of events per second that the other organization publishes during floods.
	floodRate = 20
	// floodHeadStart is the time between the first event of a flood and the first event of the other organization.
	floodHeadStart = time.Second
	// floodAllowance is the permitted increase of the latency during a flood, beyond twice the latency alone. floodSingleAllowance is the
	// permitted latency during a flood of single events, if it is larger.
	floodAllowance, floodSingleAllowance = 50, 100 // ms
	// fanoutEndpoints is the number of endpoints that get every event of the flood with fan-out.
	fanoutEndpoints = 100
	// floodOrganizations publish floods at the same time.
	floodOrganizations = 10
)

// flood is the load of one or several organizations beside another.
type flood struct {
	row       string
	customers int
	endpoints int // per organization
	events    int // per organization
	publish   func(context.Context, *customer, int) (tally, error)
	atLeast   float64 // permitted in any case, in ms
	drain     bool    // its delivery rate is a row
}

func (s *session) floods() []flood {
	return []flood{
		{row: rowFlood, customers: 1, endpoints: 1, events: s.amounts.flood, publish: publishBatches, drain: true},
		{row: rowFloodSingle, customers: 1, endpoints: 1, events: s.amounts.floodSingle, publish: publishSingles, atLeast: floodSingleAllowance},
		{row: rowFanout, customers: 1, endpoints: fanoutEndpoints, events: s.amounts.fanout, publish: publishBatches},
		{row: rowFloods, customers: floodOrganizations, endpoints: 1, events: s.amounts.flood / floodOrganizations, publish: publishBatches},
	}
}

// roundFlood measures one organization alone, and then during each kind of flood.
func roundFlood(ctx context.Context, s *session) error {
	for _, f := range s.floods() {
		if !s.wants(f.row) && (!f.drain || !s.wants(rowFloodDrain)) {
			continue
		}
		if err := s.measureFlood(ctx, f); err != nil {
			return fmt.Errorf("%s: %w", f.row, err)
		}
	}
	return nil
}

func (s *session) measureFlood(ctx context.Context, f flood) error {
	running, err := s.system(ctx)
	if err != nil {
		return err
	}
	if err := running.clear(ctx); err != nil {
		return err
	}
	other, err := newHealthy(ctx, s)
	if err != nil {
		return err
	}
	defer other.close()
	s.progress.say("%s: alone, %d/s for %s", f.row, floodRate, s.amounts.besideFlood)
	alone, err := other.measureAt(ctx, floodRate, s.amounts.besideFlood)
	if err != nil {
		return err
	}
	beside, rate, err := s.besideFlood(ctx, f, other)
	if err != nil {
		return err
	}
	p99 := func(m latencies) float64 { return report.Milliseconds(report.Percentile(m.fromAccepted, 0.99)) }
	s.samples.Add(f.row, p99(beside))
	s.samples.Add(report.Detail(f.row, detailAlone), p99(alone))
	s.samples.Add(report.Detail(f.row, detailAllowed), max(f.atLeast, 2*p99(alone)+floodAllowance))
	s.samples.Add(report.Detail(f.row, detailP50), report.Milliseconds(report.Percentile(beside.fromAccepted, 0.5)))
	s.samples.Add(report.Detail(f.row, detailLost), float64(alone.lost+beside.lost))
	if f.drain {
		s.samples.Add(rowFloodDrain, rate)
	}
	return running.clear(ctx)
}

// besideFlood returns the latencies of the other organization, and the rate at which the flood was delivered.
func (s *session) besideFlood(ctx context.Context, f flood, other *healthy) (beside latencies, rate float64, err error) {
	r, err := startReceiver()
	if err != nil {
		return beside, 0, err
	}
	defer func() { err = errors.Join(err, r.stop(context.WithoutCancel(ctx))) }()
	var customers []*customer
	for range f.customers {
		c, err := s.customerTo(ctx, r.url(pathOK), f.endpoints)
		if err != nil {
			return beside, 0, err
		}
		defer c.close()
		customers = append(customers, c)
	}
	total := f.customers * f.endpoints * f.events
	r.expect(total)
	s.progress.say("%s: beside %d deliveries of %d organizations", f.row, total, f.customers)
	group, publishing := errgroup.WithContext(ctx)
	for _, c := range customers {
		group.Go(func() error {
			_, err := f.publish(publishing, c, f.events)
			return err
		})
	}
	if err := lifecycle.Sleep(ctx, floodHeadStart); err != nil {
		return beside, 0, err
	}
	beside, err = other.measureAt(ctx, floodRate, s.amounts.besideFlood)
	if err := errors.Join(err, group.Wait()); err != nil {
		return beside, 0, err
	}
	if err := r.await(ctx, drainPatience); err != nil {
		return beside, 0, err
	}
	return beside, report.Rate(total, time.Since(r.first())), nil
}
