package bulkhead

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"redrive/dispatcher-service/internal/pacing"
	"redrive/dispatcher-service/internal/slots"
	"redrive/pkg/lifecycle"
)

// Request asks for a permit to attempt a delivery now.
type Request struct {
	EndpointID, DeliveryID, Queue string
	// DueAt is when the delivery was due. The zero time means now.
	DueAt time.Time
	// RateLimit is the endpoint's limit in requests per second. 0 means no limit.
	RateLimit int
	// Test ignores an open circuit.
	Test bool
}

// Deferral is the answer for a delivery that gets no permit: its task must be snoozed until Until.
type Deferral struct {
	Until  time.Time
	Cause  Cause
	Reason string // a sentence for operators: the cause and the endpoint's last error
}

// Cause is why a delivery got no permit.
type Cause string

// The causes.
const (
	noCause     Cause = ""
	Concurrency Cause = "concurrency" // its endpoint has as many attempts in flight as it may have
	Circuit     Cause = "circuit"     // its endpoint's circuit is open or ramping
	Rate        Cause = "rate"        // its endpoint's rate limit is used up
)

// Bulkheads grants permits and holds the deliveries that get none. It is safe for concurrent use.
type Bulkheads struct {
	options      Options
	maxEndpoints int
	limiter      *pacing.Limiter
	metrics      metrics
	wakeSignal   chan struct{} // receives when wakeRequests is not empty
	background   lifecycle.Background

	mutex     sync.Mutex
	slots     slots.Slots
	endpoints map[string]*endpoint
	lru       list[endpoint, *endpoint] // all endpoints, the least recently requested first
	held      map[string]*held          // by delivery ID
	busy      map[*endpoint]struct{}    // endpoints with attempts in flight
	// watched are the endpoints whose state may change without a request. tick visits them in turn; visited is the index of the last.
	watched []*endpoint
	visited int
	// wakeRequests are reservations whose tasks have to be woken. After Redis has failed, no slot is reserved until wakesPausedUntil.
	wakeRequests     []*held
	wakesPausedUntil time.Time
	logs             []func() // log calls, made after the mutex is released
}

// New makes Bulkheads and registers their metrics. No held delivery is woken before Start.
func New(options Options, registry prometheus.Registerer) *Bulkheads {
	o := options.withDefaults()
	b := &Bulkheads{
		options: o, maxEndpoints: maxEndpoints, limiter: pacing.New(o.Redis, o.RedisLog), wakeSignal: make(chan struct{}, 1),
		slots: slots.Slots{Workers: o.Workers, PerEndpoint: o.PerEndpoint}, endpoints: map[string]*endpoint{}, held: map[string]*held{},
		busy: map[*endpoint]struct{}{},
	}
	b.metrics = newMetrics(b, registry)
	return b
}

// Acquire returns a permit to attempt the delivery, or nil and a deferral. It may block for about 300 ms to wait for a slot or for the
// rate limit, because that is cheaper than to snooze the task. If ctx ends, it returns early with a deferral.
func (b *Bulkheads) Acquire(ctx context.Context, r Request) (*Permit, Deferral) {
	if r.DueAt.IsZero() {
		r.DueAt = time.Now()
	}
	if r.Test { // as a delivery that an open circuit has held for as long as it may
		r.DueAt = time.Now().Add(-b.options.MaxHold)
	}
	permit, w, deferral := b.admit(r)
	if w != nil {
		permit, deferral = b.await(ctx, w)
	}
	if permit == nil || r.RateLimit <= 0 {
		return permit, deferral
	}
	return b.pace(ctx, permit, r)
}

// admit returns a permit at once, or a waiter that the caller must await, or a deferral.
func (b *Bulkheads) admit(r Request) (*Permit, *waiter, Deferral) {
	b.mutex.Lock()
	defer b.unlock()
	now := time.Now()
	e := b.find(r.EndpointID, now)
	if r.RateLimit <= 0 {
		e.limitedUntil, e.interval = time.Time{}, 0
	}
	b.expireReservations(e, now)
	if b.takesSlot(e, r, now) {
		return b.grant(e, now), nil, Deferral{}
	}
	cause := b.refuse(e, r.DueAt, now)
	if cause == noCause {
		cause = Concurrency // there is a slot, but an older delivery is held and gets it
	}
	if cause == Concurrency && e.acceptsWaiter(b.limit(e, now), now) {
		w := &waiter{request: r, endpoint: e, answer: make(chan admission, 1)}
		if h := b.held[r.DeliveryID]; h != nil {
			b.drop(h)
		}
		e.waiters.pushBack(w)
		b.assign(e, now) // the slot may be free because no held task can be woken yet
		return nil, w, Deferral{}
	}
	return nil, nil, b.hold(e, r, cause, now)
}

// takesSlot reports whether the delivery may take a slot now. If so, it removes the delivery from the held ones.
func (b *Bulkheads) takesSlot(e *endpoint, r Request, now time.Time) bool {
	h := b.held[r.DeliveryID]
	if h == nil || !h.reserved {
		self, front := held{id: r.DeliveryID, due: r.DueAt}, e.held.first()
		oldest := front == nil || !before(front, &self)
		switch {
		case (oldest || !b.canWake(now)) && b.refuse(e, r.DueAt, now) == noCause:
		case oldest && b.wokenByPeer(e, h, &self, now):
			b.cancel(e.youngestReservation())
		default:
			return false
		}
	}
	if h != nil {
		b.drop(h)
	}
	return true
}

// wokenByPeer reports whether another replica has woken the task of a delivery. The caller has checked that it is older than all held
// ones. Signs of a wake are: its snooze has not ended; it is older than a reservation; it is not known here although others are held.
// Such a delivery may take a reserved slot, because the other replica may dequeue the task that this replica has woken.
func (b *Bulkheads) wokenByPeer(e *endpoint, h, self *held, now time.Time) bool {
	youngest := e.youngestReservation()
	switch {
	case youngest == nil:
		return false
	case h != nil:
		return now.Before(h.until)
	}
	return len(e.held) > 0 || before(self, youngest)
}

// hold adds the delivery to the held ones and returns the deferral with the end of its snooze.
func (b *Bulkheads) hold(e *endpoint, r Request, cause Cause, now time.Time) Deferral {
	until := now.Add(b.snooze(e, r, cause, now))
	b.remember(e, r, until, now)
	b.metrics.deferred.WithLabelValues(string(cause)).Inc()
	return Deferral{Until: until, Cause: cause, Reason: e.reason(r, cause)}
}

// Forget removes a delivery that must not be attempted now, because it has ended or is not due. A slot that is reserved for it is freed.
func (b *Bulkheads) Forget(deliveryID string) {
	b.mutex.Lock()
	defer b.unlock()
	if h := b.held[deliveryID]; h != nil {
		b.drop(h)
		b.reassign(h.endpoint, time.Now())
	}
}

// unlock releases the mutex and then makes the pending log calls.
func (b *Bulkheads) unlock() {
	logs := b.logs
	b.logs = nil
	b.mutex.Unlock()
	for _, log := range logs {
		log()
	}
}
