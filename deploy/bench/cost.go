package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"redrive/deploy/bench/report"
)

// rowCost is what one event with one delivery takes, from its acceptance to its recorded outcome, and what a manual retry takes. Its own
// value is the CPU of all processes but those of the load, for an event.
const rowCost = "cost"

// The operations of the row.
const (
	costEvent = "event"
	costRetry = "retry"
)

// The amounts of an operation, beside the CPU of processes and the bytes to and from stores.
const (
	costAllocations = "allocations"
	costAllocated   = "allocated bytes"
	costStatements  = "SQL statements"
	costTrips       = "SQL round trips"
	costRows        = "rows written"
	costIndex       = "index entries written"
	costCommits     = "commits"
	costWAL         = "WAL bytes"
	costImages      = "of them page images"
	costCommands    = "Redis commands"
	costScripts     = "of them scripts"
	costRedisTrips  = "Redis round trips"
)

// costRow defines the row.
func costRow() report.Definition {
	detail := func(name, unit string) report.Definition { return report.Definition{Name: name, Unit: unit} }
	var details []report.Definition
	for _, operation := range []string{costEvent, costRetry} {
		name := func(amount string) string { return operation + ": " + amount }
		for _, process := range costProcesses {
			details = append(details, detail(name(process+" CPU"), "µs"))
		}
		for _, process := range []string{processAPI, processDispatcher} {
			details = append(details, detail(name(process+" "+costAllocations), "objects"), detail(name(process+" "+costAllocated), "bytes"))
		}
		for _, amount := range []string{costStatements, costTrips, costRows, costIndex, costCommits, costWAL, costImages, costCommands, costScripts, costRedisTrips} {
			unit := "times"
			if amount == costWAL || amount == costImages {
				unit = "bytes"
			}
			details = append(details, detail(name(amount), unit))
		}
		for _, store := range []string{processPostgres, processRedis} {
			details = append(details, detail(name(bytesOf(store)), "bytes"))
		}
	}
	for _, step := range costSteps() {
		details = append(details, detail(step, "µs"))
	}
	return report.Definition{Name: rowCost, Unit: "µs", Chart: chartWriting, Details: details}
}

// costProcesses are those whose CPU counts.
var costProcesses = []string{processAPI, processDispatcher, processPostgres, processRedis}

// roundCost measures the services as they are deployed, profiles them, and then counts what others send through links that count.
func roundCost(ctx context.Context, s *session) error {
	running, err := s.system(ctx)
	if err != nil {
		return err
	}
	perEvent, err := s.costOf(ctx, running.(*services))
	if err != nil {
		return fmt.Errorf("%s: %w", rowCost, err)
	}
	if err := s.costOfSteps(ctx, perEvent); err != nil {
		return fmt.Errorf("%s: %w", rowCost, err)
	}
	if err := s.costOfLinks(ctx); err != nil {
		return fmt.Errorf("%s: %w", rowCost, err)
	}
	return nil
}

// costOf measures both operations, and returns the CPU of each process for an event.
func (s *session) costOf(ctx context.Context, v *services) (perEvent map[string]time.Duration, err error) {
	err = s.costOperations(ctx, func(operation string, count int, work func() error) error {
		s.progress.say("%s of %s: %d", rowCost, operation, count)
		before, err := v.spentNow(ctx)
		if err != nil {
			return err
		}
		if err := work(); err != nil {
			return err
		}
		after, err := v.spentNow(ctx)
		if err != nil {
			return err
		}
		spent := after.since(before)
		spent.note(&s.samples, operation, count)
		logged, err := v.database.loggedBetween(ctx, before.position, after.position)
		if err != nil {
			return err
		}
		logged.note(&s.samples, operation, count)
		if operation == costEvent {
			perEvent = map[string]time.Duration{}
			var all time.Duration
			for process, cpu := range spent.cpu {
				perEvent[process] = cpu / time.Duration(count)
				all += cpu
			}
			s.samples.Add(rowCost, microseconds(all, count))
		}
		return nil
	})
	return perEvent, err
}

// costOperations calls measure for each operation with work that does it count times, over many connections, until all outcomes are on record.
func (s *session) costOperations(ctx context.Context, measure func(operation string, count int, work func() error) error) error {
	running, c, r, err := s.subscribed(ctx)
	if err != nil {
		return err
	}
	defer c.close()
	if err := warmUp(ctx, s, c, eventBody(eventType)); err != nil {
		return err
	}
	count := s.amounts.capacity
	err = measure(costEvent, count, func() error {
		r.expect(count)
		_, err := publishSingles(ctx, c, count)
		return errors.Join(err, r.await(ctx, drainPatience), settled(ctx, running.store()))
	})
	if err != nil {
		return err
	}
	retrying, err := s.customer(ctx)
	if err != nil {
		return err
	}
	defer retrying.close()
	_, ids, err := failed(ctx, s, retrying, r, retries)
	if err != nil {
		return err
	}
	return measure(costRetry, len(ids), func() error {
		r.expect(len(ids))
		_, err := retryAll(ctx, s, retrying, ids)
		return errors.Join(err, r.await(ctx, drainPatience), settled(ctx, running.store()))
	})
}
