package nodes

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"redrive/deploy/chaos/internal/audit"
	"redrive/deploy/chaos/internal/await"
	"redrive/deploy/chaos/internal/records"
	"redrive/deploy/stack/process"
)

// endPatience is how long deliveries may take to end once nothing is broken and nothing is published. What waits then is lost.
const endPatience = 5 * time.Minute

// conclude ends the load, waits until every delivery has ended, stops the services with SIGTERM and audits.
func (w *world) conclude(ctx context.Context, d drill) (*Result, error) {
	w.say("waiting until every delivery has ended")
	w.halt()
	var database *pgx.Conn
	err := await.Until(ctx, startPatience, func() (connected bool, err error) {
		database, err = w.connect(ctx, w.postgres[0])
		return err == nil, err
	})
	if err != nil {
		return nil, err
	}
	defer func() { _ = database.Close(context.WithoutCancel(ctx)) }()
	err = await.Until(ctx, endPatience, func() (bool, error) {
		waiting, err := records.Waiting(ctx, database)
		return err == nil && !waiting, err
	})
	if err != nil && !errors.Is(err, await.ErrPatience) {
		return nil, err
	}
	if err := w.stopServices(ctx); err != nil {
		return nil, err
	}
	history, err := records.History(ctx, database, records.Run{
		Load: w.load, Receiver: w.receiver, Paths: w.paths, Faults: w.Faults(), Timeout: deliveryTimeout,
	})
	if err != nil {
		return nil, err
	}
	history.Retries = w.retries.made()
	w.adjustClocks(history)
	return w.judge(d, history), nil
}

// stopServices checks how the services end, and what they have logged.
func (w *world) stopServices(ctx context.Context) error {
	var stops []func() error
	for _, n := range slices.Concat(w.apis, w.dispatchers) {
		stops = append(stops, func() error {
			if err := n.shutDown(ctx, stopLimit); err != nil {
				return err
			}
			code, err := n.exitCode(ctx)
			if code != "0" {
				w.Problem("%s ended with exit code %s", n.role, code)
			}
			log, failed := n.logs(ctx, "all")
			for _, alarm := range process.Alarms(log, w.keys...) {
				w.Problem("%s: %s", n.role, alarm)
			}
			return errors.Join(err, failed)
		})
	}
	return together(stops...)
}

// judge holds what has happened against what is promised.
func (w *world) judge(d drill, history *audit.History) *Result {
	checked := audit.Check(history)
	r := &Result{
		Drill: d.name, Measures: w.measures, Accepted: checked.Accepted, Requests: checked.Requests, Superseded: checked.Superseded,
		Unrecorded: checked.Unrecorded, InFlight: checked.InFlight, Retried: w.retries.answered(),
	}
	for _, f := range checked.Findings {
		if d.excuses != nil && d.excuses(w, f) {
			r.Excused++
			if f.Rule == "lost" {
				r.Lost++
			}
			continue
		}
		r.Problems = append(r.Problems, fmt.Sprintf("%s: %s: %s", f.Rule, f.Delivery, f.Detail))
	}
	if count, examples := w.load.Oddities(); count > 0 {
		w.Problem("%d answers of the API were odd, such as: %q", count, examples)
	}
	if checked.Duplicates > checked.InFlight+r.Excused {
		w.Problem("%d requests were duplicates, and %d in flight at faults", checked.Duplicates, checked.InFlight)
	}
	for _, recovery := range checked.Recoveries {
		if recovery.Meanwhile > 0 {
			w.Problem("%d requests were sent although the database was known to be down", recovery.Meanwhile)
		}
	}
	r.Problems = append(r.Problems, w.Problems()...)
	return r
}
