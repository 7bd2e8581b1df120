package operations_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"redrive/api-service/internal/operations"
	"redrive/pkg/observe"
	"redrive/pkg/queue"
	"redrive/pkg/webhook"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errBroken = errors.New("connection refused")

// world is everything that an overview is read from. Each part can fail, and hang until its context ends.
type world struct {
	mutex sync.Mutex
	reads map[string]int

	takes     time.Duration    // of each read
	fails     map[string]error // by the name of the read or the check
	hangs     map[string]bool
	loads     []webhook.OrganizationLoad
	failing   []webhook.FailingEndpoint
	jobs      []webhook.BulkJob
	endpoints map[string]webhook.EndpointName
	names     map[string]string
	more      bool
	minutes   queue.Minutes
	summaries []queue.NamedSummary

	limits map[string]int
	asked  map[string][]string
	since  time.Time
}

// The reads of an overview.
const (
	loads         = "loads"
	failing       = "failing"
	jobs          = "jobs"
	endpoints     = "endpoints"
	organizations = "organizations"
	minutes       = "minutes"
	summaries     = "summaries"
)

func (w *world) read(ctx context.Context, what string) error {
	w.mutex.Lock()
	if w.reads == nil {
		w.reads = map[string]int{}
	}
	w.reads[what]++
	w.mutex.Unlock()
	if w.hangs[what] {
		<-ctx.Done()
		return ctx.Err()
	}
	time.Sleep(w.takes)
	return w.fails[what]
}

func (w *world) note(what string, limit int, ids ...string) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if w.limits == nil {
		w.limits, w.asked = map[string]int{}, map[string][]string{}
	}
	w.limits[what], w.asked[what] = limit, ids
}

func (w *world) ListLoads(ctx context.Context, _ time.Time, limit int) ([]webhook.OrganizationLoad, bool, error) {
	w.note(loads, limit)
	if err := w.read(ctx, loads); err != nil {
		return nil, false, err
	}
	return w.loads, w.more, nil
}

func (w *world) ListFailingEndpoints(ctx context.Context, since time.Time, limit int) ([]webhook.FailingEndpoint, bool, error) {
	w.note(failing, limit)
	w.since = since
	if err := w.read(ctx, failing); err != nil {
		return nil, false, err
	}
	return w.failing, w.more, nil
}

func (w *world) ListRunningJobs(ctx context.Context, limit int) ([]webhook.BulkJob, bool, error) {
	w.note(jobs, limit)
	if err := w.read(ctx, jobs); err != nil {
		return nil, false, err
	}
	return w.jobs, w.more, nil
}

func (w *world) FindEndpointNames(ctx context.Context, ids []string) (map[string]webhook.EndpointName, error) {
	w.note(endpoints, 0, ids...)
	if err := w.read(ctx, endpoints); err != nil {
		return nil, err
	}
	return w.endpoints, nil
}

func (w *world) FindOrganizationNames(ctx context.Context, ids []string) (map[string]string, error) {
	w.note(organizations, 0, ids...)
	if err := w.read(ctx, organizations); err != nil {
		return nil, err
	}
	return w.names, nil
}

func (w *world) ReadMinutes(ctx context.Context, _ time.Time) (queue.Minutes, error) {
	if err := w.read(ctx, minutes); err != nil {
		return queue.Minutes{}, err
	}
	return w.minutes, nil
}

func (w *world) ReadSummaries(ctx context.Context) ([]queue.NamedSummary, error) {
	if err := w.read(ctx, summaries); err != nil {
		return nil, err
	}
	return w.summaries, nil
}

// checks are those of the API.
func (w *world) checks() (checks []observe.Check) {
	for _, name := range []string{
		operations.CheckDatabase, operations.CheckStorage, operations.CheckKeys, operations.CheckRedis, operations.CheckQueue,
	} {
		checks = append(checks, observe.Check{Name: name, Probe: func(ctx context.Context) error { return w.read(ctx, name) }})
	}
	return checks
}

func (w *world) operations() *operations.Operations {
	return operations.New(w, w, w, operations.Options{Checks: w.checks()})
}
