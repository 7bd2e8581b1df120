package e2e

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// job is a bulk job as the API shows it.
type job struct {
	ID, Status                string
	Total, Processed, Applied int
	Skipped                   map[string]int
	Outcome                   struct{ Success, Failure, Waiting int }
}

func (c *client) startJob(t *testing.T, body string) job {
	t.Helper()
	return data[job](t, c.post(t, base+"/bulk-jobs", body))
}

// awaitJob waits until the job has completed, and checks its counters.
func (c *client) awaitJob(t *testing.T, id string) (j job) {
	t.Helper()
	eventually(t, "the bulk job completes", func() bool {
		j = data[job](t, c.get(t, base+"/bulk-jobs/"+id))
		return j.Status == "completed"
	})
	skipped := 0
	for _, n := range j.Skipped {
		skipped += n
	}
	assert.Equal(t, j.Total, j.Processed)
	assert.Equal(t, j.Processed, j.Applied+skipped)
	return j
}

// A receiver was down. One job retries all of its deliveries, and each arrives once more.
func TestBulkJobBringsBackAnOutage(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		c := s.organization(t)
		hook, url := answering(t, status(500), status(200))
		target := c.endpoint(t, url, 0)
		ids := c.publishMany(t, 30)
		for _, id := range ids {
			c.awaitStatus(t, id, failure)
		}
		body := fmt.Sprintf(`{"action":"retry","filter":{"endpointId":%q,"responseStatus":"5xx"},"perSecond":0}`, target.ID)
		plan := data[struct {
			Total int
			Exact bool
		}](t, c.post(t, base+"/bulk-jobs/plan", body))
		assert.Equal(t, len(ids), plan.Total)
		assert.True(t, plan.Exact)
		ended := c.awaitJob(t, c.startJob(t, body).ID)
		assert.Equal(t, len(ids), ended.Applied)
		for _, id := range ids {
			c.awaitStatus(t, id, success)
			assert.Len(t, hook.of(id), 2)
		}
		assert.Equal(t, 0, c.awaitJob(t, c.startJob(t, body).ID).Total)
	})
}

// The deliveries that an endpoint missed while it was disabled are made by a job, each once.
func TestBulkJobDeliversWhatWasMissed(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		c := s.organization(t)
		hook, url := answering(t, status(200))
		target := c.endpoint(t, url, 0, "run.finished")
		c.disable(t, target.ID)
		for range 5 {
			c.publishEvent(t, `{"eventType":"run.finished","data":{}}`)
		}
		c.publishEvent(t, `{"eventType":"run.other","data":{}}`)
		c.enable(t, target.ID)
		body := fmt.Sprintf(`{"action":"deliver","filter":{"from":"2020-01-01T00:00:00Z"},"endpointId":%q}`, target.ID)
		ended := c.awaitJob(t, c.startJob(t, body).ID)
		assert.Equal(t, 5, ended.Applied)
		eventually(t, "all arrive", func() bool { return len(hook.all()) == 5 })
		again := c.awaitJob(t, c.startJob(t, body).ID)
		assert.Equal(t, map[string]int{"has_delivery": 5}, again.Skipped)
		assert.Len(t, hook.all(), 5)
	})
}

// A cancelled job handles no further deliveries. Those that it has requeued are sent.
func TestBulkJobCancelled(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		c := s.organization(t)
		_, url := answering(t, status(200))
		target := c.endpoint(t, url, 0)
		c.pause(t, target.ID)
		ids := c.publishMany(t, 20)
		started := c.startJob(t, `{"action":"cancel","filter":{"status":"pending"},"perSecond":1}`)
		eventually(t, "the job begins", func() bool { return data[job](t, c.get(t, base+"/bulk-jobs/"+started.ID)).Applied > 0 })
		cancelled := data[job](t, c.post(t, base+"/bulk-jobs/"+started.ID+"/cancel", ""))
		assert.Equal(t, "cancelled", cancelled.Status)
		c.call(t, request{method: http.MethodPost, path: base + "/bulk-jobs/" + started.ID + "/cancel"}).refused(t, 400, "job_finished")
		c.resume(t, target.ID)
		ended := map[string]int{}
		for _, id := range ids {
			eventually(t, "the delivery ends", func() bool {
				status := c.delivery(t, id).Status
				return status == success || status == failure
			})
			ended[c.delivery(t, id).Status]++
		}
		assert.Equal(t, map[string]int{success: len(ids) - cancelled.Applied, failure: cancelled.Applied}, ended)
	})
}

// TestBulkJobDispatchersKilled kills dispatchers while a job runs. Each delivery is requeued once, and arrives.
func TestBulkJobDispatchersKilled(t *testing.T) {
	onFragileStack(t, func(t *testing.T, s *suite) {
		dispatchers := fleet(t, s).Dispatchers()
		c := s.organization(t)
		hook, url := answering(t, status(500), status(200))
		c.endpoint(t, url, 0)
		ids := c.publishMany(t, 120)
		for _, id := range ids {
			c.awaitStatus(t, id, failure)
		}
		started := c.startJob(t, `{"action":"retry","filter":{"status":"failure"},"perSecond":20}`)
		for round := range 5 {
			eventually(t, "the job goes on", func() bool {
				return data[job](t, c.get(t, base+"/bulk-jobs/"+started.ID)).Applied >= 15*(round+1)
			})
			killed := dispatchers[round%len(dispatchers)]
			require.NoError(t, killed.Kill())
			require.NoError(t, killed.Start(nil))
		}
		ended := c.awaitJob(t, started.ID)
		assert.Equal(t, len(ids), ended.Applied)
		assert.Empty(t, ended.Skipped)
		for _, id := range ids {
			c.awaitStatus(t, id, success)
			assert.Len(t, c.attempts(t, id), 2, "one attempt before the job and one after it")
			assert.LessOrEqual(t, len(hook.of(id)), 2+5, "at most once more for each kill")
		}
	})
}
