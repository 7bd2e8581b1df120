package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"redrive/deploy/bench/report"
	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

const rowWriteCost = "write-cost"

// The details of write-cost are its baselines: the same writes into databases that lack what searches and statistics add.
const (
	detailNoRollUps = "without roll-ups"
	detailBare      = "without roll-ups and indexes"
)

// The goals of write-cost: what searches and statistics may cost in all, and roll-ups alone.
const (
	leastOfBare      = 0.9
	leastOfNoRollUps = 0.95
)

// dropSearchIndexes drops the indexes that searches, bulk jobs and statistics have added to the tables of events and deliveries.
const dropSearchIndexes = `DROP INDEX events_by_type, events_by_workflow, events_by_run, events_by_execution, deliveries_by_status, deliveries_by_bulk_job`

// discardRollUps discards what a transaction counts. Counting itself is part of the statements, and stays in the baselines.
const discardRollUps = `CREATE FUNCTION discard() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER discard BEFORE INSERT ON statistics_deltas FOR EACH ROW EXECUTE FUNCTION discard()`

const (
	// writeTurns is how often the databases take turns in a round, so that a machine that becomes slower affects all of them.
	writeTurns = 10
	// writeGroup is the number of events, and of outcomes, in one statement, and writers the number of connections that write.
	writeGroup, writers = 20, 4
)

// writing publishes events and records their outcomes in three databases in turn.
type writing struct{ sides []*written }

// written is one of the databases.
type written struct {
	*database
	sample   string
	endpoint webhook.Endpoint
	took     time.Duration
}

func (w *writing) round(ctx context.Context, s *session) error {
	if w.sides == nil {
		if err := w.start(ctx, s); err != nil {
			return err
		}
	}
	s.progress.say("%s: %d deliveries into each of %d databases", rowWriteCost, s.amounts.written, len(w.sides))
	groups := max(1, s.amounts.written/(writeTurns*writeGroup))
	for turn := range writeTurns {
		for i := range w.sides {
			if err := w.sides[(turn+i)%len(w.sides)].write(ctx, groups); err != nil {
				return err
			}
		}
	}
	for _, side := range w.sides {
		s.samples.Add(side.sample, report.Rate(writeTurns*groups*writeGroup, side.took))
		side.took = 0
	}
	return nil
}

// start makes the databases.
func (w *writing) start(ctx context.Context, s *session) error {
	for i, side := range []struct {
		sample     string
		statements []string
	}{
		{rowWriteCost, nil},
		{report.Detail(rowWriteCost, detailNoRollUps), []string{discardRollUps}},
		{report.Detail(rowWriteCost, detailBare), []string{discardRollUps, dropSearchIndexes}},
	} {
		url, err := s.servers.createDatabase(ctx, fmt.Sprintf("written_%d", i))
		if err != nil {
			return err
		}
		d, err := openDatabase(ctx, url)
		if err != nil {
			return err
		}
		s.opened.Push(side.sample, func(context.Context) error { return d.close() })
		if err := d.exec(ctx, side.statements...); err != nil {
			return err
		}
		spec := webhook.EndpointSpec{Name: "bench", URL: "https://example.com"}
		one := &written{database: d, sample: side.sample, endpoint: webhook.NewEndpoint("org_bench", "", spec, "whsec_bench", webhook.Now())}
		if err := d.store.CreateEndpoint(ctx, one.endpoint); err != nil {
			return err
		}
		w.sides = append(w.sides, one)
	}
	return nil
}

// write publishes groups of events, records a success of each delivery, and merges what was counted.
func (w *written) write(ctx context.Context, groups int) error {
	began := time.Now()
	var writing errgroup.Group
	writing.SetLimit(writers)
	for range groups {
		writing.Go(func() error { return w.writeGroup(ctx) })
	}
	if err := writing.Wait(); err != nil {
		return fmt.Errorf("%s: %w", w.sample, err)
	}
	for merged := (store.MergedStatistics{More: true}); merged.More; {
		var err error
		if merged, err = w.store.MergeStatistics(ctx, merged.After, mergedAtOnce); err != nil {
			return fmt.Errorf("%s: %w", w.sample, err)
		}
	}
	w.took += time.Since(began)
	return nil
}

// mergedAtOnce is the number of deltas that one transaction merges, as in the dispatcher.
const mergedAtOnce = 5000

func (w *written) writeGroup(ctx context.Context) error {
	publications := make([]webhook.Publication, writeGroup)
	outcomes := make([]webhook.Outcome, writeGroup)
	for i := range publications {
		now := webhook.Now()
		id := webhook.NewID(webhook.KindRequest, now)
		event := webhook.NewEvent(w.endpoint.OrganizationID, webhook.EventSpec{
			Type: eventType, WorkflowID: "workflow", RunID: id, ExecutionID: id, Data: []byte(`{"state":"finished"}`),
		}, now)
		delivery := webhook.NewDelivery(event, w.endpoint, now)
		publications[i] = webhook.Publication{Event: event, Deliveries: []webhook.Delivery{delivery}}
		outcome, err := webhook.Policy{}.Decide(delivery, webhook.Result{StartedAt: now, ResponseStatus: 200}, now)
		if err != nil {
			return err
		}
		outcome.EventType = event.Type
		outcomes[i] = outcome
	}
	if err := errors.Join(w.store.CreateEvents(ctx, publications)...); err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	_, failures := w.store.RecordOutcomes(ctx, outcomes)
	if err := errors.Join(failures...); err != nil {
		return fmt.Errorf("record outcomes: %w", err)
	}
	return nil
}

// writeCostRow is what searches and statistics cost those who publish and record.
func writeCostRow() report.Definition {
	baseline := func(name string) report.Definition {
		return report.Definition{Name: name, Unit: "deliveries/s", Chart: chartWriting, Baseline: true}
	}
	ratio := func(detail string, least float64) report.Ratio {
		return report.Ratio{To: report.Detail(rowWriteCost, detail), Label: detail, Goals: []report.Goal{report.AtLeast(least)}}
	}
	return report.Definition{
		Name: rowWriteCost, Unit: "deliveries/s", Chart: chartWriting,
		Ratios:  []report.Ratio{ratio(detailBare, leastOfBare), ratio(detailNoRollUps, leastOfNoRollUps)},
		Details: []report.Definition{baseline(detailNoRollUps), baseline(detailBare)},
	}
}
