package bulkhead

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/dispatcher-service/internal/circuit"
)

// While the circuit is open, no task is woken. Half open, one task is woken as a probe. Each answer then doubles the number of wakes.
func TestCircuitOpensHoldsProbesAndCloses(t *testing.T) {
	inBubble(t, Options{PerEndpoint: 4}, func(b *bench) {
		b.openCircuit("ep_a")
		opened := time.Now()
		var line []string
		for range 20 {
			v := b.request("ep_a")
			deferral := b.deferred(v, Circuit)
			assert.Equal(t, "held: the endpoint's circuit is open since "+opened.UTC().Format(time.RFC3339)+
				": it did not answer in time 5 times in a row; its last error: no answer within 15s", deferral.Reason)
			line = append(line, v.DeliveryID)
		}
		b.acquire(b.request("ep_b"))
		time.Sleep(5*time.Second - tickInterval)
		require.Empty(t, b.woken())
		time.Sleep(2 * tickInterval)
		require.Equal(t, line[:1], b.woken(), "one probe")
		assert.Equal(t, circuit.HalfOpen, b.state("ep_a").State)
		permit := b.acquire(b.delivery("ep_a", line[0]))
		b.deferred(b.request("ep_a"), Circuit)
		time.Sleep(defaultTimeout)
		require.Empty(t, b.woken(), "no other task while the probe is in flight")
		permit.Complete(timedOut())
		require.Equal(t, circuit.Open, b.state("ep_a").State)
		time.Sleep(10*time.Second - tickInterval)
		require.Empty(t, b.woken(), "the second open period is twice as long")
		time.Sleep(2 * tickInterval)

		woken := b.woken()
		require.Equal(t, line[1:2], woken)
		line = line[2:]
		for round := range 4 {
			for i, id := range woken {
				b.acquire(b.delivery("ep_a", id)).Complete(quickly(time.Millisecond))
				if i == 0 {
					require.Equal(t, circuit.Closed, b.state("ep_a").State)
				}
			}
			woken = b.woken()
			require.Equal(t, line[:len(woken)], woken)
			line = line[len(woken):]
			require.Equal(t, []int{2, 4, 4, 4}[round], len(woken), "twice as many as answered, up to the cap")
		}
	})
}

// The result of an attempt that began before a change of the circuit's state does not change the state. Its slot is freed as usual.
func TestCompleteAfterTransitionIgnoresResult(t *testing.T) {
	inBubble(t, Options{PerEndpoint: 10}, func(b *bench) {
		permits := b.fill("ep_a", 10)
		require.Len(t, permits, 10)
		time.Sleep(defaultTimeout)
		for _, permit := range permits[:5] {
			permit.Complete(timedOut())
		}
		require.Equal(t, circuit.Open, b.state("ep_a").State)
		permits[5].Complete(quickly(time.Second))
		require.Equal(t, circuit.Open, b.state("ep_a").State)
		time.Sleep(6 * time.Second)
		probe := b.acquire(b.request("ep_a"))
		permits[6].Complete(timedOut())
		require.Equal(t, circuit.HalfOpen, b.state("ep_a").State)
		probe.Complete(quickly(time.Second))
		require.Equal(t, circuit.Closed, b.state("ep_a").State)
		for _, permit := range permits[7:] {
			permit.Complete(timedOut())
		}
		assert.Equal(t, circuit.Closed, b.state("ep_a").State)
	})
}

// When a circuit opens, its reservations are cancelled and its waiting workers are deferred at once.
func TestCircuitOpensRejectsWaitersAndReservations(t *testing.T) {
	inBubble(t, Options{PerEndpoint: 10}, func(b *bench) {
		permits := b.fill("ep_a", 10)
		time.Sleep(time.Second)
		called := b.request("ep_a")
		b.deferred(called, Concurrency)
		time.Sleep(sleepDelay)
		permits[0].Complete(quickly(time.Millisecond))
		require.Equal(t, []string{called.DeliveryID}, b.woken())
		waiting := make(chan Cause, 8)
		for range cap(waiting) {
			v := b.request("ep_a")
			go func() {
				_, deferral := b.Acquire(b.t.Context(), v)
				waiting <- deferral.Cause
			}()
		}
		synctest.Wait()
		begin := time.Now()
		for _, permit := range permits[1:6] {
			permit.Complete(timedOut())
		}
		require.Equal(t, circuit.Open, b.state("ep_a").State)
		causes := map[Cause]int{}
		for range cap(waiting) {
			causes[<-waiting]++
		}
		assert.Equal(t, map[Cause]int{noCause: 4, Circuit: 4}, causes, "four slots were freed before the circuit opened")
		assert.Equal(t, begin, time.Now())
		b.deferred(called, Circuit)
		assert.Empty(t, b.woken())
	})
}

// A probe that is released without an attempt allows another probe.
func TestReleaseProbeAllowsAnother(t *testing.T) {
	inBubble(t, Options{}, func(b *bench) {
		b.openCircuit("ep_a")
		time.Sleep(6 * time.Second)
		probe := b.acquire(b.request("ep_a"))
		b.deferred(b.request("ep_a"), Circuit)
		probe.Release()
		time.Sleep(reservationTTL + tickInterval) // a held delivery is woken, and its reservation expires unused
		b.attempt("ep_a", quickly(time.Millisecond))
		assert.Equal(t, circuit.Closed, b.state("ep_a").State)
	})
}

// An open circuit holds no delivery for longer than MaxHold.
func TestCircuitOpenHoldsUntilMaxHold(t *testing.T) {
	inBubble(t, Options{}, func(b *bench) {
		b.openCircuit("ep_a")
		young := b.request("ep_a")
		b.deferred(young, Circuit)
		old := b.request("ep_a")
		old.DueAt = old.DueAt.Add(-defaultMaxHold)
		b.acquire(old).Complete(timedOut())
		require.Equal(t, circuit.Open, b.state("ep_a").State)

		begin := time.Now()
		for len(b.woken()) == 0 { // keeps the circuit open until the delivery is overdue by MaxHold
			time.Sleep(tickInterval)
			b.mutex.Lock()
			b.endpoints["ep_a"].circuit.Until = time.Now().Add(time.Minute)
			b.mutex.Unlock()
		}
		assert.InDelta(t, defaultMaxHold, time.Since(begin), float64(2*tickInterval))
		require.Equal(t, circuit.Open, b.state("ep_a").State)
		b.acquire(young).Complete(timedOut())
	})
}

// Overdue deliveries pass an open circuit, but at most as many at once as a degraded endpoint may have in flight.
func TestAcquireOverdueGetsDegradedShare(t *testing.T) {
	inBubble(t, Options{}, func(b *bench) {
		b.openCircuit("ep_a")
		taken := 0
		for range 100 {
			v := b.request("ep_a")
			v.DueAt = v.DueAt.Add(-time.Hour)
			if permit, deferral := b.Acquire(b.t.Context(), v); permit != nil {
				taken++
			} else {
				assert.Equal(t, Concurrency, deferral.Cause)
			}
		}
		assert.Equal(t, 20, taken)
		assert.Equal(t, 80, b.state("ep_a").Held)
	})
}

// Each change of the circuit's state is logged with its reason.
func TestCircuitTransitionsAreLogged(t *testing.T) {
	var text bytes.Buffer
	log := slog.New(slog.NewTextHandler(&text, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == "openUntil" {
			return slog.Attr{}
		}
		return a
	}}))
	inBubble(t, Options{Log: log}, func(b *bench) {
		b.openCircuit("ep_a")
		time.Sleep(6 * time.Second)
		b.attempt("ep_a", refused())
		time.Sleep(11 * time.Second)
		b.attempt("ep_a", quickly(time.Millisecond))
	})
	const (
		opened = `"circuit opened: the endpoint's deliveries are held" endpointId=ep_a state=open `
		tried  = `level=DEBUG msg="circuit half open: the endpoint is probed" endpointId=ep_a state=half_open`
	)
	assert.Equal(t, []string{
		`level=WARN msg=` + opened + `reason="it did not answer in time 5 times in a row" lastError="no answer within 15s"`,
		tried,
		`level=DEBUG msg=` + opened + `reason="the probe failed" lastError="the connection was refused"`,
		tried,
		`level=INFO msg="circuit closed: the endpoint has answered" endpointId=ep_a state=closed`,
	}, strings.Split(strings.TrimSpace(text.String()), "\n"))
}

// Endpoints that need more slots than there are workers share them. Some workers stay free for endpoints that have answered recently.
func TestLimitSharesWorkers(t *testing.T) {
	for hanging, want := range map[int]int{1: 50, 3: 105, 10: 146, 30: 164, 100: 172, 300: 175} {
		t.Run(fmt.Sprint(hanging), func(t *testing.T) {
			inBubble(t, Options{}, func(b *bench) {
				b.attempt("ep_healthy", quickly(time.Millisecond))
				taken := b.flood(hanging)
				total := 0
				for _, permits := range taken {
					total += len(permits)
				}
				assert.InDelta(t, want, total, 10, "of 200 workers")
				require.LessOrEqual(t, total, 175, "25 workers are kept for endpoints that have answered recently")
				for range 20 {
					b.attempt("ep_healthy", quickly(time.Millisecond))
				}
			})
		})
	}
}

// flood acquires permits for the endpoints in turn until all of them are refused, and returns the permits of each.
func (b *bench) flood(endpoints int) [][]*Permit {
	taken := make([][]*Permit, endpoints)
	for more := true; more; {
		more = false
		for i := range endpoints {
			permit, _ := b.Acquire(b.t.Context(), b.request(fmt.Sprintf("ep_%03d", i)))
			if permit != nil {
				taken[i] = append(taken[i], permit)
				more = true
			}
		}
	}
	return taken
}

// Degraded endpoints together never use more than half of the workers.
func TestLimitDegradedSharesReserve(t *testing.T) {
	for endpoints, want := range map[int]int{1: 20, 10: 73, 60: 93, 150: 100} {
		t.Run(fmt.Sprint(endpoints), func(t *testing.T) {
			inBubble(t, Options{}, func(b *bench) {
				for i := range endpoints {
					b.attempt(fmt.Sprintf("ep_%03d", i), refused())
				}
				total := 0
				for _, permits := range b.flood(endpoints) {
					total += len(permits)
				}
				assert.InDelta(t, want, total, 4, "of 200 workers")
				require.LessOrEqual(t, total, 100)
				assert.GreaterOrEqual(t, len(b.fill("ep_healthy", 1000)), 25, "a healthy endpoint still gets 25 slots")
			})
		})
	}
}

// With a single worker, every state of an endpoint still allows one attempt at a time.
func TestLimitOneWorkerServesAll(t *testing.T) {
	for _, workers := range []int{1, 2, 3, 4, 10} {
		inBubble(t, Options{Workers: workers}, func(b *bench) {
			b.attempt("ep_a", quickly(time.Millisecond))
			b.attempt("ep_a", refused())
			b.attempt("ep_a", refused())
			b.openCircuit("ep_a")
			time.Sleep(6 * time.Second)
			b.attempt("ep_a", quickly(time.Millisecond))
		})
	}
}

// An endpoint whose oldest attempt has taken stalledAfter gets the smaller share, before any attempt has timed out.
func TestLimitStalledEndpointIsDegraded(t *testing.T) {
	inBubble(t, Options{}, func(b *bench) {
		permits := b.fill("ep_a", 10)
		assert.Equal(t, 50, b.limitOf("ep_a"))
		time.Sleep(stalledAfter)
		assert.Equal(t, 25, b.limitOf("ep_a"))
		for _, permit := range permits {
			permit.Complete(quickly(stalledAfter))
		}
		assert.Equal(t, 50, b.limitOf("ep_a"))
	})
}

func (b *bench) limitOf(endpoint string) int {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.limit(b.endpoints[endpoint], time.Now())
}

// A receiver is repaired and tested: the test does not wait until the circuit is half open, and decides nothing about it.
func TestAcquireTestIgnoresOpenCircuit(t *testing.T) {
	inBubble(t, Options{PerEndpoint: 4}, func(b *bench) {
		b.openCircuit("ep_a")
		b.deferred(b.request("ep_a"), Circuit)
		trial := b.request("ep_a")
		trial.Test = true
		permit := b.acquire(trial)
		permit.Release()
		assert.Equal(t, circuit.Open, b.state("ep_a").State)
		b.deferred(b.request("ep_a"), Circuit)
	})
}
