package bulkhead

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"redrive/pkg/webhook"
)

// commands returns how many commands Redis has executed, including those of scripts.
func (w *queueBench) commands() int {
	info, err := w.redis.Info(w.t.Context(), "stats").Result()
	require.NoError(w.t, err)
	for line := range strings.Lines(info) {
		if value, found := strings.CutPrefix(strings.TrimSpace(line), "total_commands_processed:"); found {
			count, err := strconv.Atoi(value)
			require.NoError(w.t, err)
			return count
		}
	}
	require.Fail(w.t, "INFO has no total_commands_processed")
	return 0
}

// BenchmarkChurn measures the Redis commands per second for 2,000 deliveries that are held by an endpoint that hangs. With
// -benchtime 600x it measures for ten minutes.
func BenchmarkChurn(b *testing.B) {
	for _, longest := range []time.Duration{defaultLongestSnooze, 5 * time.Minute} {
		b.Run("longest="+longest.String(), func(b *testing.B) {
			w := newQueueBench(b, Options{LongestSnooze: longest}, func(Request) webhook.Result {
				time.Sleep(defaultTimeout)
				return timedOut()
			})
			const idleTTL = 5 * time.Second
			before := w.commands()
			time.Sleep(idleTTL)
			idle := float64(w.commands()-before) / idleTTL.Seconds()

			w.publish("ep_noisy", 2000)
			w.heldAt("ep_noisy", 1900)
			before, deferred := w.commands(), w.deferred.Load()
			begin := time.Now()
			for b.Loop() {
				time.Sleep(time.Second)
			}
			seconds := time.Since(begin).Seconds()
			b.ReportMetric(float64(w.commands()-before)/seconds-idle, "commands/s")
			b.ReportMetric(float64(w.deferred.Load()-deferred)/seconds, "deferrals/s")
			b.ReportMetric(idle, "idle-commands/s")
		})
	}
}

// BenchmarkDrain measures how fast queued deliveries are sent by HTTP, with and without limits for endpoints.
func BenchmarkDrain(b *testing.B) {
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	defer receiver.Close()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1000}}
	defer client.CloseIdleConnections()
	body := bytes.Repeat([]byte("x"), 1024)
	post := func(Request) webhook.Result {
		begin := time.Now()
		response, err := client.Post(receiver.URL, "application/json", bytes.NewReader(body))
		if err != nil {
			return webhook.Result{Failure: err.Error(), Duration: time.Since(begin)}
		}
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
		return webhook.Result{ResponseStatus: response.StatusCode, Duration: time.Since(begin)}
	}
	for _, endpoints := range []int{1, 3, 20, 1000} {
		for _, limit := range []int{50, 1_000_000} {
			b.Run(fmt.Sprintf("endpoints=%d/cap=%d", endpoints, limit), func(b *testing.B) {
				w := newQueueBench(b, Options{PerEndpoint: limit}, post)
				if limit == 1_000_000 {
					w.Bulkheads.options.Workers = 4_000_000 // no share is limited
				}
				w.stop()
				deliveries := 10_000 / endpoints * endpoints
				for i := range endpoints {
					w.publish(fmt.Sprintf("ep_%d", i), deliveries/endpoints)
				}
				for b.Loop() {
					begin := time.Now()
					w.stop = serve(b, w.redis, 200, w.handle)
					for range deliveries {
						<-w.ended
					}
					b.ReportMetric(float64(deliveries)/time.Since(begin).Seconds(), "deliveries/s")
					b.ReportMetric(float64(w.deferred.Load()), "deferrals")
					w.stop()
				}
			})
		}
	}
}

func BenchmarkAcquireComplete(b *testing.B) {
	w := New(Options{Workers: 200, Waker: &wakes{}}, prometheus.NewRegistry())
	v := Request{EndpointID: "ep_a", DeliveryID: "dlv_a", Queue: webhook.QueueDeliveries, DueAt: time.Now()}
	b.ReportAllocs()
	for b.Loop() {
		permit, _ := w.Acquire(b.Context(), v)
		permit.Complete(webhook.Result{ResponseStatus: 200, Duration: time.Millisecond})
	}
}
