package bulkhead

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/dispatcher-service/internal/pacing"
	"redrive/pkg/queue"
)

func (b *bench) summary() (s queue.Summary) {
	b.Summarize(&s)
	return s
}

func TestSummaryDescribesEveryHold(t *testing.T) {
	inBubble(t, Options{PerEndpoint: 2, LongestSnooze: 80 * time.Second}, func(b *bench) {
		assert.Empty(b.t, b.summary().Endpoints)
		assert.Equal(b.t, queue.DispatcherState{Workers: 200, Limit: 2, LongestHold: 10 * time.Minute}, b.summary().Dispatcher)

		one := b.acquire(b.request("ep_one"))
		full := b.fill("ep_full", 2)
		time.Sleep(time.Second) // for an endpoint that is slow, no attempt waits for a slot
		b.deferred(b.request("ep_full"), Concurrency)
		b.openCircuit("ep_open")
		opened := b.state("ep_open")
		b.deferred(b.request("ep_open"), Circuit)

		found := b.summary().Endpoints
		assert.Equal(b.t, queue.EndpointState{Circuit: queue.CircuitClosed, InFlight: 1, Limit: 2}, found["ep_one"])
		assert.Equal(b.t, queue.EndpointState{Circuit: queue.CircuitClosed, InFlight: 2, Limit: 2, Held: 1, Full: true}, found["ep_full"])
		assert.Equal(b.t, queue.EndpointState{
			Circuit: queue.CircuitOpen, Since: time.Time(opened.Since), Until: time.Time(opened.OpenUntil), Reason: "it did not answer in time 5 times in a row",
			Limit: 2, Held: 1,
		}, found["ep_open"])
		assert.Len(b.t, found, 3)

		time.Sleep(6 * time.Second)
		probing := b.summary().Endpoints["ep_open"]
		assert.Equal(b.t, queue.CircuitHalfOpen, probing.Circuit)
		assert.True(b.t, probing.Probing, "a slot is reserved for the held delivery")
		one.Complete(status(http.StatusOK))
		for _, permit := range full {
			permit.Complete(status(http.StatusOK))
		}
		assert.NotContains(b.t, b.summary().Endpoints, "ep_one")
	})
}

// A limit of several requests a second is used up for a fraction of a second. A summary once a second shows it all the same.
func TestSummaryShowsARecentRateLimit(t *testing.T) {
	inBubble(t, Options{}, func(b *bench) {
		limited := b.request("ep_limited")
		limited.RateLimit = 1
		for range pacing.PerSecond(1).Burst {
			b.acquire(limited).Complete(quickly(time.Millisecond))
		}
		b.deferred(limited, Rate)
		until := b.summary().Endpoints["ep_limited"].LimitedUntil
		assert.False(b.t, until.IsZero())

		time.Sleep(time.Until(until) + recentlyLimited/2)
		state := b.summary().Endpoints["ep_limited"]
		assert.False(b.t, state.LimitedUntil.IsZero())
		assert.False(b.t, state.Full)
		time.Sleep(10 * recentlyLimited)
		assert.Zero(b.t, b.summary().Endpoints["ep_limited"].LimitedUntil)
	})
}

func TestSummaryWithoutWorkersLimitsEveryEndpoint(t *testing.T) {
	inBubble(t, Options{Workers: 8, PerEndpoint: 8}, func(b *bench) {
		for i := range 8 {
			b.fill(fmt.Sprint("ep_", i), 8)
		}
		assert.Zero(b.t, b.summary().Dispatcher.Limit)
	})
}

// A summary has the endpoints that hold the most, and counts the others.
func TestSummaryIsOfMostSignificantEndpoints(t *testing.T) {
	inBubble(t, Options{Workers: 10_000, PerEndpoint: 1}, func(b *bench) {
		for i := range 2 * queue.MaxSummaryEndpoints {
			b.acquire(b.request(fmt.Sprint("ep_", i)))
		}
		time.Sleep(time.Second)
		b.deferred(b.request("ep_500"), Concurrency)
		b.openCircuit("ep_open")
		s := b.summary()
		require.Len(b.t, s.Endpoints, queue.MaxSummaryEndpoints)
		assert.Equal(b.t, queue.MaxSummaryEndpoints+1, s.Dispatcher.OmittedEndpoints)
		assert.True(b.t, s.Endpoints["ep_500"].Full)
		assert.Equal(b.t, queue.CircuitOpen, s.Endpoints["ep_open"].Circuit)
	})
}
