package e2e

import (
	"math"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The p50 and p95 of the statistics differ by at most 5 % from those of the recorded attempts, whose durations are spread from 40 ms to a
// second.
func TestStatisticsQuantilesMatchRecordedAttempts(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		const deliveries = 60
		c := s.organization(t)
		var requests atomic.Int64
		slow := serveReceiver(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			time.Sleep(time.Duration(40+16*(requests.Add(1)%deliveries)) * time.Millisecond)
		}))
		e := c.endpoint(t, slow.URL, 0)
		for range deliveries {
			c.post(t, base+"/events", `{"eventType": "run.finished", "data": {}}`)
		}
		var listed page[delivery]
		eventually(t, "all are delivered", func() bool {
			listed = data[page[delivery]](t, c.get(t, base+"/deliveries?limit=100&status=success"))
			return len(listed.Items) == deliveries
		})
		durations := make([]int, deliveries)
		for i, d := range listed.Items {
			require.NotNil(t, d.DurationMs)
			durations[i] = *d.DurationMs
		}
		slices.Sort(durations)
		exact := func(share float64) float64 { return float64(durations[int(math.Ceil(share*deliveries))-1]) }

		for _, path := range []string{base + "/stats", base + "/" + e.ID + "/stats", base + "/stats?interval=day"} {
			totals := data[statistics](t, c.get(t, path)).Totals
			require.EqualValues(t, deliveries, totals.Attempts, path)
			require.NotNil(t, totals.P50Ms, path)
			require.NotNil(t, totals.P95Ms, path)
			assert.InEpsilon(t, exact(0.5), float64(*totals.P50Ms), 0.05, path)
			assert.InEpsilon(t, exact(0.95), float64(*totals.P95Ms), 0.05, path)
		}
	})
}
