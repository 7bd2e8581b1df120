package bulkhead

import (
	"context"
	"fmt"
	"math/rand/v2"
	"redrive/dispatcher-service/internal/circuit"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/queue"
	"redrive/pkg/webhook"
)

// flow is all that stands around Bulkheads, in virtual time: a queue whose tasks sleep and are forwarded, workers, receivers, and
// deliveries that are tried again until they end.
type flow struct {
	*bench
	others    []*bench // other replicas
	receivers []receiver
	schedule  []time.Duration
	away      func(now time.Time) bool // Redis, for waking

	queue    sync.Mutex
	changed  *sync.Cond
	pending  []*parcel
	sleeping map[string]*parcel
	gone     map[string]bool
	left     int
	closed   bool

	busy, busiest []int             // attempts in flight, by receiver
	late          [][]time.Duration // what attempts were late by, by receiver
	deferrals     int
}

// receiver answers an attempt that is begun at a time after the beginning.
type receiver struct {
	name      string
	rateLimit int
	answer    func(at time.Duration, random *rand.Rand) webhook.Result
	sent      []time.Duration
}

// parcel is a delivery on its way.
type parcel struct {
	id       string
	receiver int
	due      time.Time
	until    time.Time // it sleeps
	putOff   bool      // that is why it sleeps
	attempts int
	ended    bool
}

func newFlow(t *testing.T, options Options, receivers ...receiver) *flow {
	f := &flow{receivers: receivers, sleeping: map[string]*parcel{}, gone: map[string]bool{}, busy: make([]int, len(receivers)), busiest: make([]int, len(receivers)), late: make([][]time.Duration, len(receivers))}
	f.changed = sync.NewCond(&f.queue)
	options.Waker = f
	f.bench = newBench(t, options)
	return f
}

// replica adds another process.
func (f *flow) replica() {
	f.others = append(f.others, newBench(f.t, f.options))
}

func (f *flow) start() {
	for _, b := range append(f.others, f.bench) {
		b.Start()
	}
}

func (f *flow) end() {
	for _, b := range append(f.others, f.bench) {
		require.NoError(f.t, b.Stop(context.Background()))
		b.consistent(f.t)
	}
}

// arrive makes deliveries pending as they become due; run has to know of all of them.
func (f *flow) arrive(parcels []*parcel) {
	slices.SortStableFunc(parcels, func(x, y *parcel) int { return x.due.Compare(y.due) })
	for _, p := range parcels {
		time.Sleep(time.Until(p.due))
		f.queue.Lock()
		f.pending = append(f.pending, p)
		f.queue.Unlock()
		f.changed.Signal()
	}
}

// Wake puts tasks that sleep in front.
func (f *flow) Wake(_ context.Context, _ string, ids []string) ([]queue.WakeResult, error) {
	f.queue.Lock()
	defer f.queue.Unlock()
	if f.away != nil && f.away(time.Now()) {
		return nil, fmt.Errorf("connection refused")
	}
	found := make([]queue.WakeResult, len(ids))
	for i, id := range slices.Backward(ids) {
		if p := f.sleeping[id]; p != nil {
			delete(f.sleeping, id)
			f.pending = append([]*parcel{p}, f.pending...)
			f.changed.Signal()
			found[i] = queue.WakePending
		} else if slices.ContainsFunc(f.pending, func(p *parcel) bool { return p.id == id }) {
			found[i] = queue.WakePending
		} else if !f.gone[id] {
			found[i] = queue.WakeActive
		}
	}
	return found, nil
}

// run has everything delivered.
func (f *flow) run(parcels []*parcel) {
	begin := time.Now()
	f.left = len(parcels)
	var group sync.WaitGroup
	for n, b := range append(f.others, f.bench) {
		for i := range f.options.Workers {
			group.Go(func() { f.work(b, begin, rand.New(rand.NewPCG(uint64(n), uint64(i)))) })
		}
	}
	group.Go(f.forward)
	group.Go(func() { f.arrive(parcels) })
	group.Wait()
}

// forward makes tasks pending that have slept for long enough.
func (f *flow) forward() {
	for {
		time.Sleep(500 * time.Millisecond)
		f.queue.Lock()
		if f.closed {
			f.queue.Unlock()
			return
		}
		var awake []*parcel
		for id, p := range f.sleeping {
			if !time.Now().Before(p.until) {
				awake = append(awake, p)
				delete(f.sleeping, id)
			}
		}
		slices.SortFunc(awake, func(x, y *parcel) int { return strings.Compare(x.id, y.id) }) // the same in every run
		f.pending = append(f.pending, awake...)
		for range awake {
			f.changed.Signal()
		}
		f.queue.Unlock()
	}
}

func (f *flow) work(b *bench, begin time.Time, random *rand.Rand) {
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

// handle is what the dispatcher does. It returns until when the task sleeps.
func (f *flow) handle(b *bench, p *parcel, begin time.Time, random *rand.Rand) time.Time {
	r := &f.receivers[p.receiver]
	p.putOff = false
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
		p.putOff = true
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

func (f *flow) post(p *parcel, r *receiver, begin time.Time, random *rand.Rand) webhook.Result {
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

// parcels are deliveries to the receivers in turn, all due now.
func (f *flow) parcels(count int) (parcels []*parcel) {
	for i := range count {
		parcels = append(parcels, &parcel{id: fmt.Sprintf("dlv_%06d", i), receiver: i % len(f.receivers), due: time.Now()})
	}
	return parcels
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

// until is one receiver for a time and then another.
func until(change time.Duration, first, then receiver) receiver {
	return receiver{answer: func(at time.Duration, random *rand.Rand) webhook.Result {
		if at < change {
			return first.answer(at, random)
		}
		return then.answer(at, random)
	}}
}
