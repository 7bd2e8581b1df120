package operations_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/api-service/internal/operations"
	"redrive/pkg/queue"
	"redrive/pkg/webhook"
)

// overview reads one, in virtual time.
func overview(t *testing.T, w *world) (v operations.Overview, took time.Duration) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		o := w.operations()
		defer o.Close()
		began := time.Now()
		var err error
		v, err = o.Overview(t.Context())
		require.NoError(t, err)
		took = time.Since(began)
		assert.Equal(t, began.UTC().Round(0), v.At)
	})
	return v, took
}

// full is a world in which every part has something.
func full() *world {
	since := time.Date(2026, 11, 28, 3, 0, 0, 0, time.UTC)
	return &world{
		loads:     []webhook.OrganizationLoad{{ID: "org_a", Name: "A", Waiting: 7}},
		failing:   []webhook.FailingEndpoint{{EndpointID: "ep_a", OrganizationID: "org_a"}},
		jobs:      []webhook.BulkJob{{ID: "job_a", BulkSpec: webhook.BulkSpec{OrganizationID: "org_b"}}},
		endpoints: map[string]webhook.EndpointName{"ep_open": {ID: "ep_open", OrganizationID: "org_c", Name: "billing"}},
		names:     map[string]string{"org_b": "B", "org_c": "C"},
		minutes:   queue.Minutes{Since: since, Counts: []queue.MinuteCount{{Start: since, Results: map[string]int64{"success": 1}}}},
		summaries: []queue.NamedSummary{
			{Name: "two", InFlight: 3, Dispatcher: queue.DispatcherState{Host: "b", Workers: 200, Lag: time.Second}},
			{
				Name: "one", Dispatcher: queue.DispatcherState{Host: "a", Stalled: "it cannot reach the database"},
				Endpoints: map[string]queue.EndpointState{
					"ep_open":   {Circuit: queue.CircuitOpen, Since: since, Until: since.Add(time.Minute), Reason: "it hangs", Held: 4},
					"ep_half":   {Circuit: queue.CircuitHalfOpen, Since: since.Add(time.Second), Held: 1},
					"ep_closed": {Circuit: queue.CircuitClosed, Probing: true, Held: 2},
				},
			},
		},
	}
}

func TestOverviewHasEveryPart(t *testing.T) {
	w := full()
	w.more = true
	v, _ := overview(t, w)
	require.NoError(t, v.StoreErr)
	require.NoError(t, v.RedisErr)
	assert.Equal(t, operations.Minutes{Since: w.minutes.Since, Counts: w.minutes.Counts}, v.Minutes)
	assert.Equal(t, w.loads, v.Organizations)
	assert.Equal(t, w.failing, v.Failing)
	assert.Equal(t, w.jobs, v.Jobs)
	assert.Equal(t, []bool{true, true, true}, []bool{v.MoreOrganizations, v.MoreFailing, v.MoreJobs})
	assert.Equal(t, map[string]int{loads: 20, failing: 50, jobs: 50}, map[string]int{loads: w.limits[loads], failing: w.limits[failing], jobs: w.limits[jobs]})
	assert.Equal(t, v.At.Add(-7*24*time.Hour), w.since)
	assert.Equal(t, []operations.Dispatcher{
		{ID: "one", Host: "a", Held: 7, Stalled: "it cannot reach the database"}, {ID: "two", Host: "b", InFlight: 3, Capacity: 200, Lag: time.Second},
	}, v.Dispatchers)
	since := w.minutes.Since
	assert.Equal(t, []operations.Circuit{
		{EndpointID: "ep_half", State: queue.CircuitHalfOpen, Since: since.Add(time.Second), Dispatcher: "one"},
		{
			EndpointID: "ep_open", EndpointName: "billing", OrganizationID: "org_c", State: queue.CircuitOpen, Since: since,
			Until: since.Add(time.Minute), Reason: "it hangs", Dispatcher: "one",
		},
	}, v.Circuits, "the latest to open first, without those that are closed")
	assert.Equal(t, w.names, v.Names)
	assert.ElementsMatch(t, []string{"org_b", "org_c"}, w.asked[organizations])
	for _, c := range v.Checks {
		assert.Equal(t, operations.StateOK, c.State, c.Name)
	}
}

func TestOverviewOfNothing(t *testing.T) {
	v, _ := overview(t, &world{})
	require.NoError(t, v.StoreErr)
	require.NoError(t, v.RedisErr)
	assert.Empty(t, v.Circuits)
	assert.Empty(t, v.Dispatchers)
	assert.Empty(t, v.Names)
}

// TestOverviewPartFails shows all parts but one.
func TestOverviewPartFails(t *testing.T) {
	for _, what := range []string{loads, failing, jobs, endpoints, organizations, minutes, summaries} {
		for name, fail := range map[string]func(*world){
			"refuses": func(w *world) { w.fails = map[string]error{what: errBroken} },
			"hangs":   func(w *world) { w.hangs = map[string]bool{what: true} },
		} {
			t.Run(what+" "+name, func(t *testing.T) {
				w := full()
				fail(w)
				v, took := overview(t, w)
				assert.LessOrEqual(t, took, 2*time.Second)
				assert.Equal(t, what != loads, v.Organizations != nil)
				assert.Equal(t, what != failing, v.Failing != nil)
				assert.Equal(t, what != jobs, v.Jobs != nil)
				assert.Equal(t, what != summaries, len(v.Circuits) == 2)
				assert.Equal(t, what != minutes, v.Minutes.Counts != nil)
				assert.Equal(t, what == minutes, v.Minutes.Err != nil)
				assert.Equal(t, what == summaries, v.RedisErr != nil)
				assert.Equal(t, what != minutes && what != summaries, v.StoreErr != nil)
			})
		}
	}
}

// TestOverviewEverythingHangs takes no longer than one part.
func TestOverviewEverythingHangs(t *testing.T) {
	w := full()
	w.hangs = map[string]bool{}
	for _, what := range []string{loads, failing, jobs, minutes, summaries, "database", "storage", "keys", "redis", "queue"} {
		w.hangs[what] = true
	}
	v, took := overview(t, w)
	assert.Equal(t, 2*time.Second, took)
	require.ErrorContains(t, v.StoreErr, "deadline exceeded")
	require.ErrorContains(t, v.RedisErr, "deadline exceeded")
}

func TestCircuitsAreBounded(t *testing.T) {
	w := &world{}
	for i := range 3 {
		s := queue.NamedSummary{Name: fmt.Sprint(i), Endpoints: map[string]queue.EndpointState{}}
		for j := range 100 {
			s.Endpoints[fmt.Sprint("ep_", j)] = queue.EndpointState{Circuit: queue.CircuitOpen, Since: time.Unix(int64(100*i+j), 0)}
		}
		s.Dispatcher.OmittedEndpoints = 5
		w.summaries = append(w.summaries, s)
	}
	w.summaries[2].Endpoints["ep_closed"] = queue.EndpointState{Circuit: queue.CircuitClosed}
	v, _ := overview(t, w)
	require.Len(t, v.Circuits, 200)
	assert.Equal(t, time.Unix(299, 0), v.Circuits[0].Since)
	assert.Equal(t, 100+5+5, v.CircuitsOmitted, "the third dispatcher has reported all that are not closed")
}
