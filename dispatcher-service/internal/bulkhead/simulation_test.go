package bulkhead

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/dispatcher-service/internal/circuit"
	"redrive/pkg/queue"
	"redrive/pkg/webhook"
)

// simulation runs Bulkheads in virtual time with a queue, workers and receivers. Tasks sleep and are forwarded as in asynq, and
// deliveries are retried until they end.
type simulation struct {
	*bench
	others    []*bench // other replicas
	receivers []receiver
	schedule  []time.Duration
	wakeFails func(now time.Time) bool // Redis, for waking

	queue    sync.Mutex
	changed  *sync.Cond
	pending  []*job
	sleeping map[string]*job
	gone     map[string]bool
	left     int
	closed   bool

	busy, busiest []int             // attempts in flight now, and their maximum, by receiver
	late          [][]time.Duration // how long after the due time attempts began, by receiver
	deferrals     int
}

// receiver returns the result of an attempt. at is the time since the start of the simulation.
type receiver struct {
	name      string
	rateLimit int
	answer    func(at time.Duration, random *rand.Rand) webhook.Result
	sent      []time.Duration
}

// job is a delivery in the simulation.
type job struct {
	id       string
	receiver int
	due      time.Time
	until    time.Time // it sleeps
	snoozed  bool      // that is why it sleeps
	attempts int
	ended    bool
}

func newSimulation(t *testing.T, options Options, receivers ...receiver) *simulation {
	f := &simulation{receivers: receivers, sleeping: map[string]*job{}, gone: map[string]bool{}, busy: make([]int, len(receivers)), busiest: make([]int, len(receivers)), late: make([][]time.Duration, len(receivers))}
	f.changed = sync.NewCond(&f.queue)
	options.Waker = f
	f.bench = newBench(t, options)
	return f
}

// replica adds another dispatcher process.
func (f *simulation) replica() {
	f.others = append(f.others, newBench(f.t, f.options))
}

func (f *simulation) start() {
	for _, b := range append(f.others, f.bench) {
		b.Start()
	}
}

func (f *simulation) end() {
	for _, b := range append(f.others, f.bench) {
		require.NoError(f.t, b.Stop(context.Background()))
		b.consistent(f.t)
	}
}

// arrive makes the tasks pending at the times at which their deliveries become due.
func (f *simulation) arrive(jobs []*job) {
	slices.SortStableFunc(jobs, func(x, y *job) int { return x.due.Compare(y.due) })
	for _, p := range jobs {
		time.Sleep(time.Until(p.due))
		f.queue.Lock()
		f.pending = append(f.pending, p)
		f.queue.Unlock()
		f.changed.Signal()
	}
}

// Wake moves sleeping tasks to the front of the pending ones. It implements Waker.
func (f *simulation) Wake(_ context.Context, _ string, ids []string) ([]queue.WakeResult, error) {
	f.queue.Lock()
	defer f.queue.Unlock()
	if f.wakeFails != nil && f.wakeFails(time.Now()) {
		return nil, fmt.Errorf("connection refused")
	}
	found := make([]queue.WakeResult, len(ids))
	for i, id := range slices.Backward(ids) {
		if p := f.sleeping[id]; p != nil {
			delete(f.sleeping, id)
			f.pending = append([]*job{p}, f.pending...)
			f.changed.Signal()
			found[i] = queue.WakePending
		} else if slices.ContainsFunc(f.pending, func(p *job) bool { return p.id == id }) {
			found[i] = queue.WakePending
		} else if !f.gone[id] {
			found[i] = queue.WakeActive
		}
	}
	return found, nil
}

// run delivers the jobs, and returns when all of them have ended.
func (f *simulation) run(jobs []*job) {
	begin := time.Now()
	f.left = len(jobs)
	var group sync.WaitGroup
	for n, b := range append(f.others, f.bench) {
		for i := range f.options.Workers {
			group.Go(func() { f.work(b, begin, rand.New(rand.NewPCG(uint64(n), uint64(i)))) })
		}
	}
	group.Go(f.forward)
	group.Go(func() { f.arrive(jobs) })
	group.Wait()
}

// forward makes tasks pending whose sleep has ended, until the simulation ends.
func (f *simulation) forward() {
	for {
		time.Sleep(500 * time.Millisecond)
		f.queue.Lock()
		if f.closed {
			f.queue.Unlock()
			return
		}
		var awake []*job
		for id, p := range f.sleeping {
			if !time.Now().Before(p.until) {
				awake = append(awake, p)
				delete(f.sleeping, id)
			}
		}
		slices.SortFunc(awake, func(x, y *job) int { return strings.Compare(x.id, y.id) }) // the same order in every run
		f.pending = append(f.pending, awake...)
		for range awake {
			f.changed.Signal()
		}
		f.queue.Unlock()
	}
}

func (f *simulation) work(b *bench, begin time.Time, random *rand.Rand) {
	f.queue.Lock()
	defer f.queue.Unlock()
	for {
		for len(f.pending) == 0 && !f.closed {
			f.changed.Wait()
		}
		if f.closed {
			return
		}
		p := f.pending[0]
		f.pending = f.pending[1:]
		f.queue.Unlock()
		until := f.handle(b, p, begin, random)
		f.queue.Lock()
		switch {
		case !p.ended:
			p.until = until.Add(time.Second - 1).Truncate(time.Second)
			f.sleeping[p.id] = p
		default:
			f.gone[p.id] = true
			f.left--
			if f.left == 0 {
				f.closed = true
				f.changed.Broadcast()
			}
		}
	}
}

// handle does what the dispatcher does with a task. It returns until when the task sleeps.
func (f *simulation) handle(b *bench, p *job, begin time.Time, random *rand.Rand) time.Time {
	r := &f.receivers[p.receiver]
	p.snoozed = false
	if early := time.Until(p.due); early > 0 {
		return p.due
	}
	overdue := time.Since(p.due)
	permit, deferral := b.Acquire(f.t.Context(), Request{
		EndpointID: r.name, DeliveryID: p.id, Queue: webhook.QueueDeliveries, DueAt: p.due, RateLimit: r.rateLimit,
	})
	if permit == nil {
		assert.LessOrEqual(f.t, time.Until(deferral.Until), f.options.LongestSnooze)
		assert.Positive(f.t, time.Until(deferral.Until))
		if deferral.Cause == Circuit && b.stateOf(r.name) != circuit.Closed {
			assert.Less(f.t, overdue, f.options.MaxHold, "%+v", deferral)
		}
		f.queue.Lock()
		defer f.queue.Unlock()
		f.deferrals++
		p.snoozed = true
		return deferral.Until
	}
	result := f.post(p, r, begin, random)
	permit.Complete(result)
	p.attempts++
	if result.Succeeded() || p.attempts > len(f.schedule) {
		p.ended = true
		return time.Time{}
	}
	p.due = time.Now().Add(f.schedule[p.attempts-1])
	return p.due
}

func (b *bench) stateOf(endpoint string) circuit.State {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.endpoints[endpoint].circuit.State
}

func (f *simulation) post(p *job, r *receiver, begin time.Time, random *rand.Rand) webhook.Result {
	f.queue.Lock()
	f.late[p.receiver] = append(f.late[p.receiver], time.Since(p.due))
	f.busy[p.receiver]++
	f.busiest[p.receiver] = max(f.busiest[p.receiver], f.busy[p.receiver])
	r.sent = append(r.sent, time.Since(begin))
	f.queue.Unlock()
	result := r.answer(time.Since(begin), random)
	time.Sleep(result.Duration)
	f.queue.Lock()
	f.busy[p.receiver]--
	f.queue.Unlock()
	return result
}

// jobs returns deliveries to the receivers in turn, all due now.
func (f *simulation) jobs(count int) (jobs []*job) {
	for i := range count {
		jobs = append(jobs, &job{id: fmt.Sprintf("dlv_%06d", i), receiver: i % len(f.receivers), due: time.Now()})
	}
	return jobs
}

// Kinds of receivers.
func healthy(d time.Duration) receiver {
	return receiver{answer: func(time.Duration, *rand.Rand) webhook.Result { return quickly(d) }}
}

func hanging(timeout time.Duration) receiver {
	return receiver{answer: func(time.Duration, *rand.Rand) webhook.Result {
		return webhook.Result{Failure: "no answer", Duration: timeout}
	}}
}

func unreachable() receiver {
	return receiver{answer: func(time.Duration, *rand.Rand) webhook.Result {
		return webhook.Result{Failure: "the connection was refused", Duration: time.Millisecond}
	}}
}

// until behaves like first until the change, and like then after it.
func until(change time.Duration, first, then receiver) receiver {
	return receiver{answer: func(at time.Duration, random *rand.Rand) webhook.Result {
		if at < change {
			return first.answer(at, random)
		}
		return then.answer(at, random)
	}}
}
