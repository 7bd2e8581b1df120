package bulkhead

import (
	"bytes"
	"fmt"
	"log/slog"
	"redrive/dispatcher-service/internal/circuit"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// No task is woken while a circuit is open, one when it is half open, and more with each answer.
func TestOpenCircuit(t *testing.T) {
	inBubble(t, Options{PerEndpoint: 4}, func(b *bench) {
		b.trip("ep_a")
		opened := time.Now()
		var line []string
		for range 20 {
			v := b.visit("ep_a")
			deferral := b.out(v, Circuit)
			assert.Equal(t, "held: the endpoint's circuit is open since "+opened.UTC().Format(time.RFC3339)+
				": it did not answer in time 5 times in a row; its last error: no answer within 15s", deferral.Reason)
			line = append(line, v.DeliveryID)
		}
		b.in(b.visit("ep_b"))
		time.Sleep(5*time.Second - tickInterval)
		require.Empty(t, b.woken())
		time.Sleep(2 * tickInterval)
		require.Equal(t, line[:1], b.woken(), "one, to see")
		assert.Equal(t, circuit.HalfOpen, b.state("ep_a").State)
		permit := b.in(b.delivery("ep_a", line[0]))
		b.out(b.visit("ep_a"), Circuit)
		time.Sleep(defaultTimeout)
		require.Empty(t, b.woken(), "nobody else meanwhile")
		permit.Complete(timedOut())
		require.Equal(t, circuit.Open, b.state("ep_a").State)
		time.Sleep(10*time.Second - tickInterval)
		require.Empty(t, b.woken(), "twice as long")
		time.Sleep(2 * tickInterval)

		woken := b.woken()
		require.Equal(t, line[1:2], woken)
		line = line[2:]
		for round := range 4 {
			for i, id := range woken {
				b.in(b.delivery("ep_a", id)).Complete(quickly(time.Millisecond))
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

// What was in flight when the circuit opened says nothing about what came after, and holds no probe up for longer than it takes.
func TestLateResults(t *testing.T) {
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
		probe := b.in(b.visit("ep_a"))
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

// A circuit that opens sends those away who were on their way, and those who wait.
func TestOpenRejectsWaitersAndReservations(t *testing.T) {
	inBubble(t, Options{PerEndpoint: 10}, func(b *bench) {
		permits := b.fill("ep_a", 10)
		time.Sleep(time.Second)
		called := b.visit("ep_a")
		b.out(called, Concurrency)
		time.Sleep(sleepDelay)
		permits[0].Complete(quickly(time.Millisecond))
		require.Equal(t, []string{called.DeliveryID}, b.woken())
		waiting := make(chan Cause, 8)
		for range cap(waiting) {
			v := b.visit("ep_a")
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
		assert.Equal(t, map[Cause]int{noCause: 4, Circuit: 4}, causes, "four slots became free before that")
		assert.Equal(t, begin, time.Now())
		b.out(called, Circuit)
		assert.Empty(t, b.woken())
	})
}

// A probe that never was one makes room for another.
func TestReleasedProbeAllowsAnother(t *testing.T) {
	inBubble(t, Options{}, func(b *bench) {
		b.trip("ep_a")
		time.Sleep(6 * time.Second)
		probe := b.in(b.visit("ep_a"))
		b.out(b.visit("ep_a"), Circuit)
		probe.Release()
		time.Sleep(reservationTTL + tickInterval) // somebody is called, and does not come
		b.attempt("ep_a", quickly(time.Millisecond))
		assert.Equal(t, circuit.Closed, b.state("ep_a").State)
	})
}

// An open circuit holds no delivery for longer than MaxHold.
func TestOpenCircuitHoldsUntilMaxHold(t *testing.T) {
	inBubble(t, Options{}, func(b *bench) {
		b.trip("ep_a")
		young := b.visit("ep_a")
		b.out(young, Circuit)
		old := b.visit("ep_a")
		old.DueAt = old.DueAt.Add(-defaultMaxHold)
		b.in(old).Complete(timedOut())
		require.Equal(t, circuit.Open, b.state("ep_a").State)

		begin := time.Now()
		for len(b.woken()) == 0 { // and does not come: somebody else is tried each time
			time.Sleep(tickInterval)
			b.mutex.Lock()
			b.endpoints["ep_a"].circuit.Until = time.Now().Add(time.Minute)
			b.mutex.Unlock()
		}
		assert.InDelta(t, defaultMaxHold, time.Since(begin), float64(2*tickInterval))
		require.Equal(t, circuit.Open, b.state("ep_a").State)
		b.in(young).Complete(timedOut())
	})
}

// At most as many as a degraded endpoint may have, however overdue they are.
func TestOverdueDeliveriesGetDegradedShare(t *testing.T) {
	inBubble(t, Options{}, func(b *bench) {
		b.trip("ep_a")
		taken := 0
		for range 100 {
			v := b.visit("ep_a")
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

// Once an endpoint is well again, so are those that were held for it; what is logged tells the story.
func TestTransitionsAreLogged(t *testing.T) {
	var text bytes.Buffer
	log := slog.New(slog.NewTextHandler(&text, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == "openUntil" {
			return slog.Attr{}
		}
		return a
	}}))
	inBubble(t, Options{Log: log}, func(b *bench) {
		b.trip("ep_a")
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

// Endpoints that want more than there is share it, and something is left for those who come later.
func TestShares(t *testing.T) {
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
				require.LessOrEqual(t, total, 175, "the rest is for those that have answered recently")
				for range 20 {
					b.attempt("ep_healthy", quickly(time.Millisecond))
				}
			})
		})
	}
}

// flood has so many endpoints take as much as they can get, in turns, and returns what they got.
func (b *bench) flood(endpoints int) [][]*Permit {
	taken := make([][]*Permit, endpoints)
	for more := true; more; {
		more = false
		for i := range endpoints {
			permit, _ := b.Acquire(b.t.Context(), b.visit(fmt.Sprintf("ep_%03d", i)))
			if permit != nil {
				taken[i] = append(taken[i], permit)
				more = true
			}
		}
	}
	return taken
}

// Endpoints that are known to be degraded never have more than half of the workers, however many they are.
func TestSharesOfDegraded(t *testing.T) {
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
				assert.GreaterOrEqual(t, len(b.fill("ep_healthy", 1000)), 25, "a third of what is left")
			})
		})
	}
}

// One worker is enough for any endpoint.
func TestOneWorkerIsEnough(t *testing.T) {
	for _, workers := range []int{1, 2, 3, 4, 10} {
		inBubble(t, Options{Workers: workers}, func(b *bench) {
			b.attempt("ep_a", quickly(time.Millisecond))
			b.attempt("ep_a", refused())
			b.attempt("ep_a", refused())
			b.trip("ep_a")
			time.Sleep(6 * time.Second)
			b.attempt("ep_a", quickly(time.Millisecond))
		})
	}
}

// An endpoint whose attempts are overdue by the second has a smaller share before the first of them has timed out.
func TestStalledEndpointIsDegraded(t *testing.T) {
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
