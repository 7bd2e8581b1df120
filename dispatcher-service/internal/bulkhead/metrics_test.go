package bulkhead

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/testmetrics"
	"redrive/pkg/webhook"
)

func TestMetricsCountEveryState(t *testing.T) {
	inBubble(t, Options{PerEndpoint: 1}, func(b *bench) {
		metric := func(name string, labelValues ...string) float64 {
			return testmetrics.Sum(b.t, b.registry, name, labelValues...)
		}
		b.openCircuit("ep_down")
		b.deferred(b.request("ep_down"), Circuit)
		b.openCircuit("ep_half")
		time.Sleep(7 * time.Second)
		b.acquire(b.request("ep_half"))
		b.openCircuit("ep_open")
		permit := b.acquire(b.request("ep_busy"))
		time.Sleep(time.Second)
		b.deferred(b.request("ep_busy"), Concurrency)
		b.deferred(b.request("ep_busy"), Concurrency)

		assert.EqualValues(t, 1, metric("redrive_breakers", "closed"))
		assert.EqualValues(t, 1, metric("redrive_breakers", "open"))
		assert.EqualValues(t, 2, metric("redrive_breakers", "half_open"))
		assert.EqualValues(t, 2, metric("redrive_deliveries_deferred_total", "concurrency"))
		assert.EqualValues(t, 1, metric("redrive_deliveries_deferred_total", "circuit"))
		assert.EqualValues(t, 0, metric("redrive_deliveries_deferred_total", "rate"))
		assert.EqualValues(t, 2, metric("redrive_deliveries_held"))
		assert.EqualValues(t, 2, metric("redrive_bulkhead_inflight"))
		assert.EqualValues(t, 1, metric("redrive_deliveries_woken_total"), "the probe of the half-open circuit")
		assert.EqualValues(t, 1, metric("redrive_bulkhead_lapsed_total"), "the probe's reservation has expired")

		time.Sleep(sleepDelay)
		permit.Release()
		assert.EqualValues(t, 2, metric("redrive_deliveries_held"), "one of them has been woken")
		assert.EqualValues(t, 2, metric("redrive_bulkhead_inflight"), "its slot is reserved")
	})
}

func TestHandlerListsBreakers(t *testing.T) {
	inBubble(t, Options{}, func(b *bench) {
		get := func() (answer struct {
			Breakers []map[string]any
			HasMore  bool
		},
		) {
			recorder := httptest.NewRecorder()
			b.Handler().ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/breakers", http.NoBody))
			require.Equal(b.t, "application/json", recorder.Header().Get("Content-Type"))
			require.NoError(b.t, json.Unmarshal(recorder.Body.Bytes(), &answer))
			return answer
		}
		require.Equal(b.t, []map[string]any{}, get().Breakers)

		b.attempt("ep_well", quickly(time.Millisecond))
		b.openCircuit("ep_b")
		b.deferred(b.request("ep_b"), Circuit)
		since := time.Now().UTC()
		limited := b.request("ep_a")
		limited.RateLimit = 1
		b.acquire(limited).Complete(quickly(time.Millisecond))
		limited = b.request("ep_a")
		limited.RateLimit = 1
		b.deferred(limited, Rate)

		stamp := func(d time.Duration) string { return webhook.FormatTime(since.Add(d)) }
		answer := get()
		assert.False(t, answer.HasMore)
		assert.Equal(t, []map[string]any{
			{"endpointId": "ep_a", "state": "closed", "inFlight": 0.0, "limit": 50.0, "held": 1.0, "limitedUntil": stamp(750 * time.Millisecond)},
			{
				"endpointId": "ep_b", "state": "open", "since": stamp(0), "openUntil": stamp(5 * time.Second), "inFlight": 0.0, "limit": 25.0,
				"held": 1.0, "reason": "it did not answer in time 5 times in a row", "lastError": "no answer within 15s",
			},
		}, answer.Breakers)

		for i := range maxShown {
			b.mutex.Lock()
			b.watch(b.find(string(rune('a'+i%26))+string(rune('a'+i/26)), time.Now()))
			b.mutex.Unlock()
		}
		answer = get()
		assert.True(t, answer.HasMore)
		assert.Len(t, answer.Breakers, maxShown)
	})
}
