package bulkhead

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/webhook"
)

// testCounter reads a metric; the label may be empty.
func testCounter(t *testing.T, registry *prometheus.Registry, name, label, value string) float64 {
	t.Helper()
	families, err := registry.Gather()
	require.NoError(t, err)
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, m := range family.GetMetric() {
			if label == "" || len(m.GetLabel()) == 1 && m.GetLabel()[0].GetName() == label && m.GetLabel()[0].GetValue() == value {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	require.Fail(t, "no such metric", name)
	return 0
}

func TestMetrics(t *testing.T) {
	inBubble(t, Options{PerEndpoint: 1}, func(b *bench) {
		metric := func(name, label, value string) float64 { return testCounter(b.t, b.registry, name, label, value) }
		b.trip("ep_down")
		b.out(b.visit("ep_down"), Circuit)
		b.trip("ep_half")
		time.Sleep(7 * time.Second)
		b.in(b.visit("ep_half"))
		b.trip("ep_open")
		permit := b.in(b.visit("ep_busy"))
		time.Sleep(time.Second)
		b.out(b.visit("ep_busy"), Concurrency)
		b.out(b.visit("ep_busy"), Concurrency)

		assert.EqualValues(t, 1, metric("redrive_breakers", "state", "closed"))
		assert.EqualValues(t, 1, metric("redrive_breakers", "state", "open"))
		assert.EqualValues(t, 2, metric("redrive_breakers", "state", "half_open"))
		assert.EqualValues(t, 2, metric("redrive_deliveries_deferred_total", "reason", "concurrency"))
		assert.EqualValues(t, 1, metric("redrive_deliveries_deferred_total", "reason", "circuit"))
		assert.EqualValues(t, 0, metric("redrive_deliveries_deferred_total", "reason", "rate"))
		assert.EqualValues(t, 2, metric("redrive_deliveries_held", "", ""))
		assert.EqualValues(t, 2, metric("redrive_bulkhead_inflight", "", ""))
		assert.EqualValues(t, 1, metric("redrive_deliveries_woken_total", "", ""), "of the circuit that is half open")
		assert.EqualValues(t, 1, metric("redrive_bulkhead_lapsed_total", "", ""), "and did not come")

		time.Sleep(sleepDelay)
		permit.Release()
		assert.EqualValues(t, 2, metric("redrive_deliveries_held", "", ""), "one of them called")
		assert.EqualValues(t, 2, metric("redrive_bulkhead_inflight", "", ""), "and its slot kept")
	})
}

func TestBreakersAreShown(t *testing.T) {
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
		b.trip("ep_b")
		b.out(b.visit("ep_b"), Circuit)
		since := time.Now().UTC()
		limited := b.visit("ep_a")
		limited.RateLimit = 1
		b.in(limited).Complete(quickly(time.Millisecond))
		limited = b.visit("ep_a")
		limited.RateLimit = 1
		b.out(limited, Rate)

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
