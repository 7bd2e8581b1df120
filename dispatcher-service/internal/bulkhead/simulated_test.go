package bulkhead

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"redrive/dispatcher-service/internal/circuit"
	"redrive/pkg/testmetrics"
	"redrive/pkg/webhook"
)

// consistent checks the invariants of Bulkheads.
func (b *Bulkheads) consistent(t require.TestingT) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	var occupied, degraded, held, known int
	for e := b.lru.first; e != nil; e = e.next {
		known++
		require.Same(t, b.endpoints[e.id], e)
		occupied += e.occupied()
		held += len(e.held) + e.reservations.size
		require.LessOrEqual(t, e.occupied(), b.options.PerEndpoint)
		require.GreaterOrEqual(t, e.inFlight.size, e.current)
		require.GreaterOrEqual(t, e.current, e.probes)
		require.GreaterOrEqual(t, e.probes, 0)
		for p := e.inFlight.first; p != nil; p = p.next {
			if p.degraded {
				degraded++
			}
		}
		for h := e.reservations.first; h != nil; h = h.next {
			require.True(t, h.reserved)
			if h.degraded {
				degraded++
			}
		}
		for i, h := range e.held {
			require.False(t, h.reserved)
			require.Same(t, b.held[h.id], h)
			require.Equal(t, i, h.index)
			require.False(t, before(h, e.held[max(0, i-1)/2]), "the oldest is first")
		}
		require.LessOrEqual(t, len(e.held), max(1, b.options.MaxHeld/maxHeldShare)+b.options.Workers, "except for requeued ones")
		if len(e.held) > 0 || e.reservations.size > 0 || e.circuit.State != circuit.Closed {
			require.Same(t, e, b.watched[e.index-1], "it is watched")
		}
	}
	require.Equal(t, known, len(b.endpoints))
	require.Equal(t, []int{occupied, degraded, held}, []int{b.slots.Taken, b.slots.Degraded, len(b.held)})
	require.LessOrEqual(t, len(b.held), b.options.MaxHeld)
}

// remembered checks that every snoozed delivery is held by some replica, if MaxHeld allows that.
func (f *simulation) remembered() {
	f.queue.Lock()
	defer f.queue.Unlock()
	if f.options.MaxHeld < 1000 {
		return
	}
	known := map[string]bool{}
	for _, b := range append(f.others, f.bench) {
		b.mutex.Lock()
		for id := range b.held {
			known[id] = true
		}
		b.mutex.Unlock()
	}
	for id, p := range f.sleeping {
		require.True(f.t, known[id] || !p.snoozed, "%s sleeps until %s and is held by no replica", id, p.until)
	}
}

// With random receivers, limits, replicas and outages, no endpoint exceeds its slots, every delivery ends, and no state is left.
func TestSimulationEveryDeliveryEnds(t *testing.T) {
	const timeout = 2 * time.Second
	synctest.Test(t, func(t *testing.T) {
		rapid.Check(struct{ rapid.TB }{t}, func(r *rapid.T) { // hides t.Deadline, which panics in a bubble
			kinds := []func() receiver{
				func() receiver {
					return healthy(time.Duration(rapid.IntRange(1, 1900).Draw(r, "ms")) * time.Millisecond)
				},
				func() receiver { return hanging(timeout) },
				unreachable,
				func() receiver { return until(30*time.Second, hanging(timeout), healthy(20*time.Millisecond)) },
				func() receiver { return until(20*time.Second, unreachable(), healthy(time.Millisecond)) },
				func() receiver { return until(3*time.Second, healthy(5*time.Millisecond), hanging(timeout)) },
				func() receiver {
					return receiver{answer: func(_ time.Duration, random *rand.Rand) webhook.Result {
						return []webhook.Result{
							quickly(10 * time.Millisecond), quickly(1500 * time.Millisecond), refused(),
							{Failure: "no answer", Duration: timeout},
							{ResponseStatus: 500, Duration: time.Millisecond},
						}[random.IntN(5)]
					}}
				},
			}
			var receivers []receiver
			for i := range rapid.IntRange(1, 5).Draw(r, "endpoints") {
				endpoint := rapid.SampledFrom(kinds).Draw(r, "kind")()
				endpoint.name = fmt.Sprintf("ep_%d", i)
				endpoint.rateLimit = rapid.SampledFrom([]int{0, 0, 0, 1, 20}).Draw(r, "rateLimit")
				receivers = append(receivers, endpoint)
			}
			f := newSimulation(t, Options{
				Workers:     rapid.IntRange(1, 20).Draw(r, "workers"),
				PerEndpoint: rapid.IntRange(1, 8).Draw(r, "cap"),
				MaxHeld:     rapid.SampledFrom([]int{1, 10, 1000}).Draw(r, "remember"),
				Timeout:     timeout,
				MaxHold:     time.Minute,
			}, receivers...)
			f.schedule = []time.Duration{5 * time.Second, 30 * time.Second}
			replicas := rapid.IntRange(1, 3).Draw(r, "replicas")
			for range replicas - 1 {
				f.replica()
			}
			outage := time.Duration(rapid.IntRange(0, 20).Draw(r, "outage")) * time.Second
			begin := time.Now()
			f.wakeFails = func(now time.Time) bool { return now.Sub(begin) < outage }
			f.start()
			watched := make(chan struct{})
			done := make(chan struct{})
			go func() {
				defer close(watched)
				for {
					select {
					case <-done:
						return
					case <-time.After(499 * time.Millisecond):
						for _, b := range append(f.others, f.bench) {
							b.consistent(t)
						}
						f.remembered()
					}
				}
			}()
			f.run(f.jobs(rapid.IntRange(1, 60).Draw(r, "deliveries")))
			close(done)
			<-watched

			for i := range receivers {
				require.LessOrEqual(r, f.busiest[i], replicas*f.options.PerEndpoint)
			}
			time.Sleep(5 * time.Minute)
			f.end()
			for _, b := range append(f.others, f.bench) {
				require.Zero(r, b.slots.Taken, "no slot is lost")
				require.Empty(r, b.Bulkheads.held, "no ended delivery is held")
			}
		})
	})
}

// Deliveries to an endpoint that never answers reach their last retry and end. They use the share of a degraded endpoint, and each is
// held for MaxHold plus the time that the deliveries in front of it take.
func TestSimulationDeadEndpointDeliveriesEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dead, well := hanging(defaultTimeout), healthy(10*time.Millisecond)
		dead.name, well.name = "ep_dead", "ep_well"
		f := newSimulation(t, Options{}, dead)
		f.schedule = []time.Duration{5 * time.Second, 5 * time.Minute}
		f.start()
		const deliveries = 500
		begin := time.Now()
		f.run(f.jobs(deliveries))
		f.end()

		took := time.Since(begin)
		assert.Len(t, f.receivers[0].sent, 3*deliveries, "every attempt was made")
		assert.Equal(t, 50, f.busiest[0], "before the circuit opened")
		// 1,500 attempts of 15 s each, 20 at a time, after 10 minutes each time.
		assert.InDelta(t, 45*time.Minute, took, float64(10*time.Minute))
		t.Logf("%d deliveries to an endpoint that always hangs ended in %s; held for %s at most; %d deferrals",
			deliveries, took.Round(time.Second), slices.Max(f.late[0]).Round(time.Second), f.deferrals)
	})
}

// About one attempt in ten fails, in several ways and on every endpoint, like in the end-to-end tests. No circuit opens.
func TestSimulationMixedAnswersOpenNoCircuit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var receivers []receiver
		for i := range 4 {
			receivers = append(receivers, receiver{name: fmt.Sprintf("ep_%d", i), answer: func(_ time.Duration, random *rand.Rand) webhook.Result {
				switch lot := random.IntN(1000); {
				case lot < 5:
					return webhook.Result{ResponseStatus: 500, Duration: time.Millisecond}
				case lot < 50:
					return refused()
				case lot < 80:
					return webhook.Result{ResponseStatus: 503, Duration: 2 * time.Millisecond}
				case lot < 95:
					return timedOut()
				}
				return quickly(time.Duration(1+random.IntN(20)) * time.Millisecond)
			}})
		}
		f := newSimulation(t, Options{}, receivers...)
		f.schedule = []time.Duration{time.Second, time.Second, time.Second, time.Second, time.Second}
		f.start()
		f.run(f.jobs(20_000))
		assert.Zero(t, testmetrics.Sum(t, f.registry, "redrive_deliveries_deferred_total", "circuit"))
		f.end()
	})
}

// At the end of a mixed load, only deliveries that are always answered 500 are left. They open no circuit.
func TestSimulationSlowTailOpensNoCircuit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newSimulation(t, Options{}, receiver{name: "ep_a", answer: func(time.Duration, *rand.Rand) webhook.Result {
			return webhook.Result{ResponseStatus: 500, Duration: time.Millisecond}
		}})
		f.schedule = []time.Duration{5 * time.Second, 10 * time.Second, 20 * time.Second, 20 * time.Second, 20 * time.Second}
		f.start()
		begin := time.Now()
		f.run(f.jobs(500))
		assert.Zero(t, f.deferrals)
		assert.Less(t, time.Since(begin), 90*time.Second)
		f.end()
	})
}

// Two replicas dequeue each other's woken tasks. No reserved slot stays idle because the other replica has dequeued the task.
func TestSimulationReplicasShareQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := healthy(200 * time.Millisecond)
		slow.name = "ep_slow"
		f := newSimulation(t, Options{PerEndpoint: 10}, slow)
		f.replica()
		f.start()
		begin := time.Now()
		f.run(f.jobs(2000))
		f.end()
		took, ideal := time.Since(begin), 20*time.Second
		assert.Len(t, f.receivers[0].sent, 2000)
		assert.LessOrEqual(t, f.busiest[0], 20)
		assert.Less(t, took, 2*ideal)
		t.Logf("took %s, ideally %s; %d deferrals", took, ideal, f.deferrals)
	})
}

// Endpoints that hang, few or many, do not delay deliveries to others. In virtual time, any measured delay is caused by Bulkheads.
func TestSimulationHangingEndpointsDelayNoOthers(t *testing.T) {
	for _, hangs := range []int{0, 1, 10, 100, 300} {
		t.Run(fmt.Sprint(hangs), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const healthies, load = 20, time.Minute
				var receivers []receiver
				for i := range hangs {
					receivers = append(receivers, hanging(defaultTimeout))
					receivers[i].name = fmt.Sprintf("ep_hanging_%d", i)
				}
				for i := range healthies {
					receivers = append(receivers, healthy(20*time.Millisecond))
					receivers[hangs+i].name = fmt.Sprintf("ep_%d", i)
				}
				f := newSimulation(t, Options{}, receivers...)
				f.start()
				var jobs []*job
				for i := range int(load.Seconds()) * 200 { // 200 a second
					due := time.Now().Add(time.Duration(i) * time.Second / 200)
					jobs = append(jobs, &job{id: fmt.Sprintf("dlv_%06d", i), receiver: hangs + i%healthies, due: due})
				}
				for i := range 2000 * min(1, hangs) { // and 2,000 after a second
					jobs = append(jobs, &job{id: fmt.Sprintf("dlv_1%06d", i), receiver: i % hangs, due: time.Now().Add(time.Second)})
				}
				f.run(jobs)
				f.end()
				var late []time.Duration
				for _, held := range f.late[hangs:] {
					late = append(late, held...)
				}
				slices.Sort(late)
				assert.Len(t, late, 12_000)
				assert.Less(t, quantile(late, .999), 20*time.Millisecond)
				assert.LessOrEqual(t, late[len(late)-1], maxSlotWait, "while the circuits are still closed")
				t.Logf("%d hang: %d others were late by p50 %s, p99 %s, p99.9 %s, at most %s", hangs, len(late),
					quantile(late, .5), quantile(late, .99), quantile(late, .999), late[len(late)-1])
			})
		})
	}
}
