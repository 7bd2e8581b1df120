package outage_test

import (
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/testservers"
)

// longIdle is longer than a connection may be idle before a pool checks it.
const longIdle = 500 * time.Millisecond

// idle waits until the API has recorded the use of its key, which is its only statement without a call, and then until its connections have
// been idle for longIdle.
func (s *services) idle(url string) {
	s.t.Helper()
	watch := connect(s.t, url)
	require.Eventually(s.t, func() bool {
		var idle bool
		err := watch.QueryRow(s.t.Context(), `SELECT (SELECT bool_and(last_used_at IS NOT NULL) FROM api_keys) AND
			(SELECT max(state_change) < clock_timestamp() - make_interval(secs => $1) FROM pg_stat_activity
				WHERE datname = current_database() AND application_name = 'api-service')`, longIdle.Seconds()).Scan(&idle)
		return err == nil && idle
	}, soon, poll)
}

// Connections of both services fail silently. Each of the first calls uses at most one such connection, which costs one ping of a second.
// Later calls use none. Every call succeeds, and every webhook is sent once.
func TestSilentConnectionsDelayFirstCallsOnly(t *testing.T) {
	t.Parallel()
	const failed = 8
	url := testservers.Postgres(t)
	toAPI, apiURL := testservers.ThroughProxy(t, url)
	toDispatcher, dispatcherURL := testservers.ThroughProxy(t, url)
	s := startApart(t, places{apiDatabase: apiURL, dispatcherDatabase: dispatcherURL})
	status, _, answer := s.call(http.MethodPost, "", map[string]any{"name": "n", "url": s.receiver.URL, "maxRetries": 0})
	require.Less(t, status, 300, answer)
	s.receiver.fail(true)
	for range failed {
		s.publish()
	}
	require.Eventually(t, func() bool { return s.statuses()["failure"] == failed }, soon, poll)
	s.receiver.fail(false)
	failures := s.ids("failure")
	pooled := s.fillPool(url)

	s.idle(url)
	toAPI.Silence()
	toDispatcher.Silence()
	var calls sync.WaitGroup
	for _, id := range failures[:failed/2] {
		calls.Go(func() { s.retry(id) })
		calls.Go(s.publish)
	}
	calls.Wait()
	asked := toAPI.AskedSilent()
	assert.Positive(t, asked, "the connections were dead")
	assert.LessOrEqual(t, asked, pooled)
	require.Eventually(t, func() bool { return s.statuses()["success"] == failed }, soon, poll)
	assert.Positive(t, toDispatcher.AskedSilent(), "the connections were dead")
	askedByDispatcher := toDispatcher.AskedSilent()

	time.Sleep(longIdle) // so that the pools check their connections
	for _, id := range failures[failed/2:] {
		s.retry(id)
		s.publish()
	}
	require.Eventually(t, func() bool { return s.statuses()["success"] == 2*failed }, soon, poll)
	assert.Equal(t, asked, toAPI.AskedSilent(), "a later call used a dead connection")
	assert.Equal(t, askedByDispatcher, toDispatcher.AskedSilent(), "a later delivery used a dead connection")
	for id, times := range s.receiver.requests() {
		if slices.Contains(failures, id) {
			times-- // the attempt that failed
		}
		assert.Equal(t, 1, times, id)
	}
}

// One call over a pool of failed connections uses one of them. The others are closed with it.
func TestSilentConnectionsCostOneCallOnePing(t *testing.T) {
	t.Parallel()
	url := testservers.Postgres(t)
	toAPI, apiURL := testservers.ThroughProxy(t, url)
	s := startApart(t, places{apiDatabase: apiURL, dispatcherDatabase: url})
	s.endpoint()
	s.publish()
	require.Eventually(t, func() bool { return s.statuses()["success"] == 1 }, soon, poll)
	require.Greater(t, s.fillPool(url), 5)

	s.idle(url)
	toAPI.Silence()
	s.publish()
	assert.Equal(t, 1, toAPI.AskedSilent())
}

// fillPool makes the API open all its connections: calls wait for a lock, each on a connection of its own. It returns their number.
func (s *services) fillPool(url string) int {
	s.t.Helper()
	watch := connect(s.t, url)
	held, err := connect(s.t, url).Begin(s.t.Context())
	require.NoError(s.t, err)
	_, err = held.Exec(s.t.Context(), "LOCK TABLE deliveries IN ACCESS EXCLUSIVE MODE")
	require.NoError(s.t, err)
	const pool = 20 // DATABASE_MAX_CONNECTIONS
	var calls sync.WaitGroup
	for range pool {
		calls.Go(func() {
			status, _, answer := s.call(http.MethodGet, "/deliveries", nil)
			assert.Equal(s.t, http.StatusOK, status, fmt.Sprint(answer))
		})
	}
	var waiting int
	require.Eventually(s.t, func() bool {
		err := watch.QueryRow(s.t.Context(), `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
			AND application_name = 'api-service' AND wait_event_type = 'Lock'`).Scan(&waiting)
		return err == nil && waiting == pool
	}, soon, poll)
	require.NoError(s.t, held.Commit(s.t.Context()))
	calls.Wait()
	return waiting
}

// ids returns the deliveries that have a status.
func (s *services) ids(status string) (ids []string) {
	s.t.Helper()
	code, _, answer := s.call(http.MethodGet, "/deliveries?limit=100", nil)
	require.Equal(s.t, http.StatusOK, code, answer)
	for _, listed := range answer["data"].(map[string]any)["items"].([]any) {
		if item := listed.(map[string]any); item["status"] == status {
			ids = append(ids, item["id"].(string))
		}
	}
	return ids
}

func (s *services) retry(id string) {
	s.t.Helper()
	code, _, answer := s.call(http.MethodPost, "/deliveries/"+id+"/retry", nil)
	assert.Less(s.t, code, 300, answer)
}
