package bulkhead

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"redrive/pkg/webhook"
)

// Request is a delivery that a worker would attempt now.
type Request struct {
	EndpointID, DeliveryID, Queue string
	// DueAt is when the delivery was due; the zero time is now.
	DueAt time.Time
	// RateLimit is the endpoint's, in requests a second; 0 is none.
	RateLimit int
}

// Deferral is what a delivery is told that may not be attempted now.
type Deferral struct {
	Until  time.Time
	Cause  Cause
	Reason string
}

// Bulkheads is safe for concurrent use.
type Bulkheads struct {
	options       Options
	mostEndpoints int
	limiter       *limiter
	metrics       metrics
	bell          chan struct{} // the outbox is not empty
	lifecycle     lifecycle

	mutex     sync.Mutex
	endpoints map[string]*endpoint
	recent    chain[endpoint, *endpoint]
	held      map[string]*held
	occupied  int // slots taken or kept, of all endpoints
	unwell    int // and how many of them by endpoints that are unwell
	// tended are the endpoints that something has to be done for in time, and cursor where to go on with that.
	tended     []*endpoint
	cursor     int
	outbox     []*held   // called, and not woken yet
	quietUntil time.Time // nobody is called: Redis is away
	notes      []func()  // for the log, written without the lock
}

// New makes Bulkheads and registers their metrics. Start has held deliveries woken.
func New(options Options, registry prometheus.Registerer) *Bulkheads {
	b := &Bulkheads{
		options: options.withDefaults(), mostEndpoints: mostEndpoints, bell: make(chan struct{}, 1),
		endpoints: map[string]*endpoint{}, held: map[string]*held{},
	}
	b.limiter = newLimiter(b.options.Redis, b.options.RedisLog)
	b.metrics = newMetrics(b, registry)
	return b
}

// Acquire returns a permit to attempt the delivery, or nil and until when to put it off. It can take some 300 ms: a moment's wait
// is cheaper than a trip through the queue. A context that ends meanwhile ends the wait.
func (b *Bulkheads) Acquire(ctx context.Context, v Request) (*Permit, Deferral) {
	if v.DueAt.IsZero() {
		v.DueAt = time.Now()
	}
	permit, w, deferral := b.admit(v)
	if w != nil {
		permit, deferral = b.await(ctx, w)
	}
	if permit == nil || v.RateLimit <= 0 {
		return permit, deferral
	}
	return b.paced(ctx, permit, v)
}

// admit lets the delivery in, has its worker wait, or holds it.
func (b *Bulkheads) admit(v Request) (*Permit, *waiter, Deferral) {
	b.mutex.Lock()
	defer b.unlock()
	now := time.Now()
	e := b.find(v.EndpointID, now)
	if v.RateLimit <= 0 {
		e.limitedUntil, e.interval = time.Time{}, 0
	}
	b.lapse(e, now)
	if b.takes(e, v, now) {
		return b.grant(e, now), nil, Deferral{}
	}
	cause := b.refuse(e, v.DueAt, now)
	if cause == causeNone {
		cause = Concurrency // the slot is for somebody who has waited for longer
	}
	if cause == Concurrency && e.quick(b.limit(e, now), now) {
		w := &waiter{visit: v, endpoint: e, answer: make(chan admission, 1)}
		if h := b.held[v.DeliveryID]; h != nil {
			b.drop(h)
		}
		e.queue.pushBack(w)
		b.pump(e, now) // the line may not be ready to be called
		return nil, w, Deferral{}
	}
	return nil, nil, b.deferral(e, v, cause, now)
}

// takes says whether there is a slot for the delivery, and removes it from those that are held if so.
func (b *Bulkheads) takes(e *endpoint, v Request, now time.Time) bool {
	h := b.held[v.DeliveryID]
	if h == nil || !h.called { // or else the slot was kept for it
		self, front := held{id: v.DeliveryID, due: v.DueAt}, e.line.first()
		oldest := front == nil || !before(front, &self)
		switch {
		case (oldest || !b.awake(now)) && b.refuse(e, v.DueAt, now) == causeNone:
		case oldest && b.wokenElsewhere(e, h, &self, now):
			b.dismiss(e.youngestCall())
		default:
			return false
		}
	}
	if h != nil {
		b.drop(h)
	}
	return true
}

// wokenElsewhere says whether another replica has woken a delivery that comes and is older than all that wait: it should be
// asleep, or is older than one that was called, or nobody here knows it. It may have one of the slots that are kept, for that
// other replica may well be given the task that was called here.
func (b *Bulkheads) wokenElsewhere(e *endpoint, h, self *held, now time.Time) bool {
	youngest := e.youngestCall()
	switch {
	case youngest == nil:
		return false
	case h != nil:
		return now.Before(h.until)
	}
	return len(e.line) > 0 || before(self, youngest)
}

// deferral holds the delivery and says so.
func (b *Bulkheads) deferral(e *endpoint, v Request, cause Cause, now time.Time) Deferral {
	until := now.Add(b.snooze(e, v, cause, now))
	b.hold(e, v, until, now)
	b.metrics.deferred.WithLabelValues(string(cause)).Inc()
	return Deferral{Until: until, Cause: cause, Reason: e.reason(v, cause)}
}

// Complete gives the slot back and takes note of how the attempt went. It may be called again, and does nothing then.
func (p *Permit) Complete(r webhook.Result) {
	b, e := p.bulkheads, p.endpoint
	b.mutex.Lock()
	defer b.unlock()
	held, current := b.release(p)
	if !held {
		return
	}
	now := time.Now()
	e.ended = now
	if e.service == 0 {
		e.service = r.Duration
	}
	e.service += (r.Duration - e.service) / 8
	e.lastError = r.ErrorMessage()
	o := outcomeOf(r, b.options.Timeout)
	if o == answered {
		e.answered = now
	}
	if current && e.breaker.record(p.number, o, p.probe, b.options.PerEndpoint, now, b.options.Random()) {
		b.noteTransition(e)
		e.current, e.probes = 0, 0 // of the new generation
		if e.breaker.state == Open {
			b.shut(e, now)
		}
	}
	b.passOn(e, now)
}

// Release gives the slot back without an attempt. It does nothing after Complete, so that it can be deferred.
func (p *Permit) Release() {
	b := p.bulkheads
	b.mutex.Lock()
	defer b.unlock()
	if held, _ := b.release(p); held {
		b.passOn(p.endpoint, time.Now())
	}
}

// Forget is told that a delivery is not to be attempted now: it has ended, or is not due. A slot may be kept for it.
func (b *Bulkheads) Forget(deliveryID string) {
	b.mutex.Lock()
	defer b.unlock()
	if h := b.held[deliveryID]; h != nil {
		b.drop(h)
		b.passOn(h.endpoint, time.Now())
	}
}

// shut sends everybody away whom the circuit has just closed the door on.
func (b *Bulkheads) shut(e *endpoint, now time.Time) {
	b.tend(e)
	for h := e.calls.first; h != nil; h = e.calls.first {
		b.dismiss(h)
	}
	for w := e.queue.first; w != nil; w = e.queue.first {
		e.queue.remove(w)
		cause := b.refuse(e, w.visit.DueAt, now)
		if cause == causeNone {
			cause = Concurrency // past its patience: not the circuit holds it, and there is no slot just now
		}
		w.answer <- admission{deferral: b.deferral(e, w.visit, cause, now)}
	}
}

// passOn hands a slot on. When one endpoint takes less, others have more to share: two of them are looked at first, so that where
// there are too few slots for all they go round.
func (b *Bulkheads) passOn(e *endpoint, now time.Time) {
	for range min(2, len(b.tended)) {
		b.tendNext(now)
	}
	b.pump(e, now)
}

// unlock ends what was begun with the mutex and writes the log.
func (b *Bulkheads) unlock() {
	notes := b.notes
	b.notes = nil
	b.mutex.Unlock()
	for _, note := range notes {
		note()
	}
}
