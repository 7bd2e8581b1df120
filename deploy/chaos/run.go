package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"

	"redrive/deploy/chaos/internal/audit"
	"redrive/deploy/chaos/internal/await"
	"redrive/deploy/chaos/internal/journal"
	"redrive/deploy/chaos/internal/load"
	"redrive/deploy/chaos/internal/records"
	"redrive/deploy/stack/process"
	"redrive/pkg/lifecycle"
)

// run is the state of a run.
type run struct {
	*world
	options Options
	began   time.Time
	client  *http.Client
	load    *load.Load
	paths   map[string]string // of the endpoints
	// tolerance is the one of the audit.
	tolerance int
	waiting   waiting

	journal.Journal

	mutex    sync.Mutex
	step     string
	backlogs map[string]int // how often an organization had a lane in backlog
}

// Run makes one run and returns its report. An error means that the run could not be made.
func Run(ctx context.Context, options Options) (report *Report, err error) {
	o, err := options.withDefaults()
	if err != nil {
		return nil, err
	}
	r := &run{options: o, began: time.Now(), client: load.NewClient(), step: "starting", backlogs: map[string]int{}}
	defer r.client.CloseIdleConnections()
	stop := r.showProgress()
	defer stop()
	r.world, err = newWorld(ctx, o)
	defer func() { err = errors.Join(err, r.close()) }()
	if err != nil {
		return nil, err
	}
	registration := load.Registration{API: r.api.URL(), Client: r.client, NewKey: r.newKey, Receiver: r.receiver, MaxRetries: maxRetries, Burst: o.burst()}
	organizations, paths, err := registration.Register(ctx)
	if err != nil {
		return nil, err
	}
	r.mutex.Lock()
	r.paths = paths
	r.load = load.New(r.api.URL(), r.client, organizations)
	r.mutex.Unlock()
	if err := r.play(ctx); err != nil {
		return nil, err
	}
	return r.conclude(ctx)
}

// newKey creates an API key, which no log may contain.
func (r *run) newKey(ctx context.Context, organization string) (string, error) {
	key, err := r.command(ctx, "keys", "create", "--organization", organization, "--name", "chaos", "--scope", "read-write")
	for _, s := range r.services() {
		s.Forbid(key)
	}
	return key, err
}

// spread is the part of the planned time over which the load is spread. Faults can take longer than planned, and the load must last until
// the end of the last one.
const spread = 1.1

// play publishes and executes the plan concurrently, then waits until all deliveries have ended.
func (r *run) play(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	steps := plan(r.options)
	hurry := make(chan struct{})
	var publishing sync.WaitGroup
	defer publishing.Wait()
	defer cancel()
	watching, stop := context.WithCancel(ctx)
	defer stop()
	publishing.Go(func() { r.watchBacklog(watching) })
	publishing.Go(func() {
		defer stop()
		r.load.Publish(ctx, r.options.Deliveries, time.Duration(spread*float64(duration(r.options, steps))), hurry)
	})
	if err := r.warm(ctx); err != nil {
		return err
	}
	began := time.Now()
	for i, s := range steps {
		r.enter(fmt.Sprintf("%s (%d of %d)", s.action, i+1, len(steps)))
		if err := r.do(ctx, s.action, rand.New(rand.NewPCG(r.options.Seed, uint64(i)+1))); err != nil {
			return fmt.Errorf("%s: %w", s.action, err)
		}
		if err := lifecycle.Sleep(ctx, s.quiet); err != nil {
			return err
		}
	}
	r.tolerance = r.options.tolerance(duration(r.options, steps), time.Since(began))
	r.enter("publishing the rest")
	close(hurry)
	publishing.Wait()
	r.enter("waiting for the ends")
	return r.awaitEnds(ctx)
}

// warm waits until the first deliveries are sent.
func (r *run) warm(ctx context.Context) error {
	r.enter("warming up")
	return await.Until(ctx, startPatience, func() (bool, error) { return r.receiver.Count() > 0, nil })
}

const startPatience = 5 * time.Minute

// awaitEnds waits until no delivery waits, or until its patience has passed. Deliveries that have not ended then are lost.
func (r *run) awaitEnds(ctx context.Context) error {
	err := await.Until(ctx, r.options.patience(), func() (bool, error) {
		waiting, err := records.Waiting(ctx, r.database)
		return err == nil && !waiting, err
	})
	if errors.Is(err, await.ErrPatience) {
		return nil
	}
	return err
}

// conclude stops everything with SIGTERM and runs the audit.
func (r *run) conclude(ctx context.Context) (*Report, error) {
	r.enter("looking at what is left")
	for _, s := range r.services() {
		if !s.Running() {
			r.Problem("%s ended by itself; the end of its log:\n%s", s.Name(), s.LogEnd())
		}
	}
	report := &Report{Options: r.options, Tolerance: r.tolerance}
	var err error
	if report.Leftovers, err = r.leftovers(ctx); err != nil {
		return nil, err
	}
	report.Gauges = r.gauges(ctx)
	r.enter("stopping")
	if err := r.each((*process.Service).Stop); err != nil {
		r.Problem("the last stop: %v", err)
	}
	r.enter("auditing")
	history, err := r.history(ctx)
	if err != nil {
		return nil, err
	}
	if err := r.checkStatistics(ctx); err != nil {
		return nil, err
	}
	report.Result = audit.Check(history)
	report.Times = map[audit.Kind]int{}
	for _, f := range history.Faults {
		report.Times[f.Kind]++
	}
	r.complain(report)
	report.Took = time.Since(r.began)
	return report, nil
}

// complain adds the problems that the harness found itself.
func (r *run) complain(report *Report) {
	for _, s := range r.services() {
		for _, alarm := range s.Alarms() {
			r.Problem("%s: %s", s.Name(), alarm)
		}
	}
	if count, examples := r.load.Oddities(); count > 0 {
		r.Problem("%d answers of the API were odd, such as: %q", count, examples)
	}
	if accepted := r.load.Count(); accepted != r.options.Deliveries {
		r.Problem("%d deliveries were accepted, and %d were to be", accepted, r.options.Deliveries)
	}
	report.Floods = floodsOf(r.load.Organizations(), r.backlogs)
	report.Refusals = r.load.Refusals()
	report.SlowestWithoutRedis, report.PublishMedian = r.load.Times(withoutRedis(r.Faults()))
	report.Waiting = r.waiting.result
	report.Problems = slices.Concat(r.Problems(), excesses(report))
	report.Slow = judge(report)
}

// withoutRedis returns a function that reports whether Redis was unavailable at a time.
func withoutRedis(faults []audit.Fault) func(time.Time) bool {
	return func(at time.Time) bool {
		return slices.ContainsFunc(faults, func(f audit.Fault) bool {
			return f.Of(audit.RedisKilled, audit.RedisPartitioned) && f.Began.Before(at) && f.Over.After(at)
		})
	}
}

func (r *run) enter(step string) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.step = step
}
