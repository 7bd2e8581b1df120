package e2e

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// counts are those of an interval, or of all intervals.
type counts struct {
	Start                                string
	Events, P50Ms, P95Ms                 *int64
	Created, Succeeded, Failed, Attempts int64
	Errors                               map[string]int64
	Partial                              bool
}

type statistics struct {
	Series  []counts
	Totals  counts
	Waiting struct {
		Pending, Retrying int
		OldestDueAt, AsOf string
		Capped            bool
	}
}

// TestStatisticsCountAStory publishes to two endpoints. One of them fails, and is retried and tested. The statistics include all of this
// without delay.
func TestStatisticsCountAStory(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		c := s.organization(t)
		_, working := answering(t, status(204))
		healthy := c.endpoint(t, working, 0)
		_, failing := answering(t, status(503))
		broken := c.endpoint(t, failing, 0)
		made := data[published](t, c.post(t, base+"/events", `{"eventType": "run.finished", "data": {"n": 1}}`))
		var failed string
		for _, d := range made.Deliveries {
			if d.EndpointID == broken.ID {
				failed = d.ID
				c.awaitStatus(t, d.ID, failure)
			} else {
				c.awaitStatus(t, d.ID, success)
			}
		}
		data[delivery](t, c.post(t, base+"/"+broken.ID+"/test", `{"eventType": "run.finished"}`)) // not counted
		data[delivery](t, c.retry(t, failed))
		c.awaitStatus(t, failed, failure)

		ofEndpoint := data[statistics](t, c.get(t, base+"/"+broken.ID+"/stats")).Totals
		assert.Equal(t, []int64{1, 0, 2, 2}, []int64{ofEndpoint.Created, ofEndpoint.Succeeded, ofEndpoint.Failed, ofEndpoint.Attempts}, "it ended twice")
		assert.Equal(t, map[string]int64{"5xx": 2}, ofEndpoint.Errors)
		assert.Nil(t, ofEndpoint.Events)
		ofHealthy := data[statistics](t, c.get(t, base+"/"+healthy.ID+"/stats?interval=day")).Totals
		assert.Equal(t, []int64{1, 1, 0, 1}, []int64{ofHealthy.Created, ofHealthy.Succeeded, ofHealthy.Failed, ofHealthy.Attempts})
		assert.Equal(t, map[string]int64{}, ofHealthy.Errors)
		assert.NotNil(t, ofHealthy.P50Ms)
		assert.NotNil(t, ofHealthy.P95Ms)

		all := data[statistics](t, c.get(t, base+"/stats?eventType=run.finished"))
		assert.Len(t, all.Series, 24)
		assert.True(t, all.Series[23].Partial)
		assert.Equal(t, int64(1), *all.Totals.Events)
		assert.Equal(t, []int64{2, 1, 2, 3}, []int64{all.Totals.Created, all.Totals.Succeeded, all.Totals.Failed, all.Totals.Attempts})
		assert.Zero(t, data[statistics](t, c.get(t, base+"/stats?eventType=run.started")).Totals.Created)

		c.post(t, base+"/"+healthy.ID+"/pause", "")
		c.post(t, base+"/events", `{"eventType": "run.started", "data": {"n": 2}}`)
		eventually(t, "it waits", func() bool {
			return data[statistics](t, c.get(t, base+"/"+healthy.ID+"/stats")).Waiting.Pending == 1
		})
		waiting := data[statistics](t, c.get(t, base+"/"+healthy.ID+"/stats")).Waiting
		assert.NotEmpty(t, waiting.OldestDueAt)
		assert.False(t, waiting.Capped)
	})
}
