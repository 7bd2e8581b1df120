package outage_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/testservers"
)

// generousLimit is for a busy machine. Calls that wait for their deadlines, which are a minute here, exceed it.
const generousLimit = 10 * time.Second

// Both services work over a primary with a synchronous standby. The primary ends, and the standby is promoted.
func TestFailoverLosesNothingAndEveryCallWorksAgain(t *testing.T) {
	for name, end := range map[string]func(*testservers.PostgresServer) error{
		"killed": (*testservers.PostgresServer).Kill,
		"frozen": (*testservers.PostgresServer).Pause,
	} {
		t.Run(name, func(t *testing.T) {
			primary, standby := synchronousPair(t)
			s := start(t, strings.Replace(primary.URL(), "/postgres?", ","+hostOf(standby)+"/postgres?", 1)+"&target_session_attrs=read-write")
			s.endpoint()
			release := s.receiver.hold()
			s.publish()
			s.publish()
			require.Eventually(t, func() bool { return len(s.receiver.requests()) == 2 }, soon, poll)

			load := s.publishFromFour(t)
			require.Eventually(t, func() bool { return load.accepted() > 20 }, soon, poll)
			require.NoError(t, end(primary))
			require.NoError(t, standby.Promote(t.Context()))
			promoted := time.Now()
			before := load.accepted()
			require.Eventually(t, func() bool { return load.accepted() > before+20 }, soon, poll)
			events, refused, last := load.end()
			t.Logf("%d events accepted, %d calls answered 503, the last %s after the promotion", len(events), refused, last.Sub(promoted).Round(time.Millisecond))
			assert.Less(t, last.Sub(promoted), generousLimit)
			release() // two outcomes of attempts that began before

			s.everyKindOfCall()
			database := connect(t, standby.URL())
			require.Eventually(t, func() bool {
				var sent, waiting int
				err := database.QueryRow(t.Context(), `SELECT count(DISTINCT event_id) FILTER (WHERE status = 'success' AND event_id = ANY($1)),
					count(*) FILTER (WHERE status <> 'success') FROM deliveries`, events).Scan(&sent, &waiting)
				return err == nil && sent == len(events) && waiting == 0
			}, 2*soon, poll)
			var failing int
			require.NoError(t, database.QueryRow(t.Context(), "SELECT count(*) FROM attempts WHERE outcome <> 'success'").Scan(&failing))
			assert.Zero(t, failing, "nothing counts as a failure of the receiver")
		})
	}
}

func synchronousPair(t *testing.T) (primary, standby *testservers.PostgresServer) {
	t.Helper()
	primary, err := testservers.StartPostgres(testservers.PostgresOptions{Replicated: true})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, primary.Close()) })
	standby, err = testservers.StartStandby(primary, testservers.PostgresOptions{Settings: map[string]string{"synchronous_standby_names": ""}})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, standby.Close()) })
	admin := connect(t, primary.URL())
	for _, statement := range []string{"ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()"} {
		_, err := admin.Exec(t.Context(), statement)
		require.NoError(t, err)
	}
	return primary, standby
}

// hostOf returns host:port of a server.
func hostOf(server *testservers.PostgresServer) string {
	_, rest, _ := strings.Cut(server.URL(), "@")
	host, _, _ := strings.Cut(rest, "/")
	return host
}

// load publishes until end. Calls that are refused have to be answered 503 with Retry-After.
type load struct {
	mutex   sync.Mutex
	events  []string
	refused int
	last    time.Time // of a refusal
	done    chan struct{}
	callers sync.WaitGroup
	stop    func()
}

func (s *services) publishFromFour(t *testing.T) *load {
	l := &load{done: make(chan struct{})}
	l.stop = sync.OnceFunc(func() {
		close(l.done)
		l.callers.Wait()
	})
	t.Cleanup(l.stop)
	for range 4 {
		l.callers.Go(func() {
			for {
				select {
				case <-l.done:
					return
				case <-time.After(poll):
				}
				status, header, answer := s.call(http.MethodPost, "/events", map[string]any{"eventType": "run.finished", "data": map[string]any{}})
				l.mutex.Lock()
				if status < 300 {
					l.events = append(l.events, answer["data"].(map[string]any)["event"].(map[string]any)["id"].(string))
				} else {
					l.refused, l.last = l.refused+1, time.Now()
					assert.Equal(t, http.StatusServiceUnavailable, status, answer)
					assert.NotEmpty(t, header.Get("Retry-After"))
				}
				l.mutex.Unlock()
			}
		})
	}
	return l
}

func (l *load) accepted() int {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return len(l.events)
}

func (l *load) end() (events []string, refused int, last time.Time) {
	l.stop()
	return l.events, l.refused, l.last
}

// everyKindOfCall makes a read and a write of each part of the API.
func (s *services) everyKindOfCall() {
	s.t.Helper()
	endpoint := s.answered(http.MethodGet, "", nil)["items"].([]any)[0].(map[string]any)["id"].(string)
	delivery := s.answered(http.MethodGet, "/deliveries?limit=1", nil)["items"].([]any)[0].(map[string]any)["id"].(string)
	for _, path := range []string{"/" + endpoint, "/stats", "/changes", "/events?limit=1", "/bulk-jobs", "/deliveries/" + delivery, "/deliveries/" + delivery + "/explain"} {
		s.answered(http.MethodGet, path, nil)
	}
	s.answered(http.MethodPatch, "/"+endpoint, map[string]any{"name": "renamed"})
	s.answered(http.MethodPost, "/"+endpoint+"/pause", nil)
	s.answered(http.MethodPost, "/"+endpoint+"/resume", nil)
	s.answered(http.MethodPost, "/deliveries/"+delivery+"/replay", nil)
}

func (s *services) answered(method, path string, body any) map[string]any {
	s.t.Helper()
	status, _, answer := s.call(method, path, body)
	require.Less(s.t, status, 300, "%s %s: %v", method, path, answer)
	data, _ := answer["data"].(map[string]any)
	return data
}
