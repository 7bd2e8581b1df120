package httpapi

import (
	"context"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/memory"
	"redrive/pkg/webhook"
)

const megabytes = 1 << 20

// withMemory is a service with 16 MiB of memory, and its budget.
func withMemory(t *testing.T, wait time.Duration) (*service, *memory.Budget) {
	t.Helper()
	shared := memory.New(16 * megabytes)
	s := newService(t, func(d *Dependencies) { d.Memory, d.MemoryWait = shared, wait }).withKeys(t)
	return s, shared
}

func largeEvent() string {
	return `{"eventType": "run.finished", "data": {"x":"` + strings.Repeat("x", 900_000) + `"}}`
}

// An organization that uses its part of the memory is answered 503 for large requests. Small ones, and those of others, are served.
func TestMemoryExhaustedRefusesLargeRequests(t *testing.T) {
	s, shared := withMemory(t, time.Millisecond)
	s.endpoint(t, s.writer)
	published := granted(t, s.call(t, "POST", base+"/events", s.writer, largeEvent()))
	large := published["deliveries"].([]any)[0].(map[string]any)["id"].(string)
	small := s.delivery(t, s.writer)
	held := shared.TryReserve(organization, 8*megabytes)
	require.NotNil(t, held)

	for _, refusing := range []answer{
		s.call(t, "POST", base+"/events", s.writer, largeEvent()),
		s.call(t, "POST", base+"/events", s.writer, `{}`, func(r *http.Request) { r.ContentLength = -1 }),
		s.call(t, "GET", deliveries, s.reader, ""),
		s.call(t, "GET", deliveries+"/"+large, s.reader, ""),
		s.call(t, "POST", deliveries+"/"+large+"/replay", s.writer, ""),
		s.call(t, "POST", deliveries+"/"+large+"/retry", s.writer, ""),
	} {
		refused(t, refusing, 503, "out_of_memory")
		assert.Equal(t, "5", refusing.header.Get("Retry-After"))
	}
	granted(t, s.call(t, "GET", deliveries+"/"+small, s.reader, ""))
	granted(t, s.call(t, "GET", deliveries+"?limit=1", s.reader, ""))
	granted(t, s.call(t, "POST", base+"/events", s.writer, publishBody))
	other := s.newKey(t, webhook.APIKeySpec{OrganizationID: "org_other", Scope: webhook.ScopeReadWrite})
	granted(t, s.call(t, "POST", base+"/events", other, largeEvent()))

	held.Release()
	granted(t, s.call(t, "GET", deliveries, s.reader, ""))
	granted(t, s.call(t, "POST", base+"/events", s.writer, largeEvent()))
}

// A request waits for memory that others give back.
func TestMemoryWaitEndsWithRelease(t *testing.T) {
	s, shared := withMemory(t, time.Hour)
	s.endpoint(t, s.writer)
	granted(t, s.call(t, "POST", base+"/events", s.writer, largeEvent()))
	held := shared.TryReserve(organization, 8*megabytes)
	require.NotNil(t, held)
	answered := make(chan answer, 1)
	go func() { answered <- s.call(t, "GET", deliveries, s.reader, "") }()
	for shared.Waiting() == 0 {
		time.Sleep(time.Millisecond)
	}
	assert.Empty(t, answered)
	held.Release()
	assert.Len(t, granted(t, <-answered)["items"], 1)
}

// What a request has reserved is free after it, however it ends.
func TestMemoryIsReleased(t *testing.T) {
	s, shared := withMemory(t, time.Second)
	s.endpoint(t, s.writer)
	granted(t, s.call(t, "POST", base+"/events", s.writer, largeEvent()))
	for _, path := range []string{deliveries, deliveries + "?limit=1"} {
		granted(t, s.call(t, "GET", path, s.reader, ""))
		s.call(t, "HEAD", path, s.reader, "")
	}
	refused(t, s.call(t, "POST", base+"/events", s.writer, strings.TrimSuffix(largeEvent(), "}")), 400, "malformed_json")
	s.server.Close() // its handlers have returned
	assert.Zero(t, shared.InUse())
}

// Work on large pages leaves a processor to other requests, and is done in order of arrival.
func TestTurnsLimitLargeWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := budget{large: newTurns()}
		large := shared.turnsFor(memory.Small + 1)
		atOnce := max(1, runtime.GOMAXPROCS(0)-1)
		finish := make(chan struct{})
		var running, done atomic.Int32
		for range 2 * atOnce {
			go func() {
				assert.NoError(t, large.do(t.Context(), func() error {
					running.Add(1)
					<-finish
					return nil
				}))
				done.Add(1)
			}()
		}
		synctest.Wait()
		assert.EqualValues(t, atOnce, running.Load())
		require.NoError(t, shared.turnsFor(memory.Small).do(t.Context(), func() error { return nil }), "a small page needs no turn")

		gone, cancel := context.WithCancel(t.Context())
		cancel()
		require.ErrorIs(t, large.do(gone, func() error { return nil }), context.Canceled)
		close(finish)
		synctest.Wait()
		assert.EqualValues(t, 2*atOnce, done.Load())
	})
}
