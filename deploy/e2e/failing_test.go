package e2e

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// endpointHealth are the fields of an endpoint that attempts change.
type endpointHealth struct {
	ID                  string    `json:"id"`
	FailingSince        time.Time `json:"failingSince"`
	ConsecutiveFailures int       `json:"consecutiveFailures"`
	LastSuccessAt       time.Time `json:"lastSuccessAt"`
}

// TestFailingEndpointIsShownAndReported lets a receiver fail. The endpoint shows it, another endpoint gets the operational events, and
// enable resets the failures.
func TestFailingEndpointIsShownAndReported(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		c := s.organization(t)
		_, url := answering(t, status(500))
		operations, operationsURL := answering(t, status(200))
		target := c.endpoint(t, url, 0, "run.finished")
		c.endpoint(t, operationsURL, 0, "redrive.*")
		health := func() endpointHealth { return data[endpointHealth](t, c.get(t, base+"/"+target.ID)) }
		assert.Zero(t, health().ConsecutiveFailures)

		made := c.publishEvent(t, `{"eventType":"run.finished","data":{}}`)
		assert.Len(t, made.Deliveries, 1, "an operational endpoint gets no other events")
		eventually(t, "the endpoint is failing", func() bool { return health().ConsecutiveFailures == 1 })
		assert.False(t, health().FailingSince.IsZero())
		listed := data[page[endpointHealth]](t, c.get(t, base+"?failing=true")).Items
		assert.Len(t, listed, 1)
		assert.Equal(t, target.ID, listed[0].ID)

		types := func() map[string]int {
			seen := map[string]int{}
			for _, request := range operations.all() {
				var body struct {
					Type string `json:"type"`
					Data struct {
						Endpoint struct {
							ID string `json:"id"`
						} `json:"endpoint"`
						Count int `json:"count"`
					} `json:"data"`
				}
				assert.NoError(t, json.Unmarshal(request.body, &body))
				assert.Equal(t, target.ID, body.Data.Endpoint.ID)
				seen[body.Type]++
			}
			return seen
		}
		eventually(t, "the exhausted delivery is reported", func() bool { return types()["redrive.delivery.exhausted"] == 1 })
		c.disable(t, target.ID)
		c.enable(t, target.ID)
		eventually(t, "the changes are reported", func() bool {
			seen := types()
			return seen["redrive.endpoint.disabled"] == 1 && seen["redrive.endpoint.enabled"] == 1
		})
		assert.Zero(t, health().ConsecutiveFailures)
		assert.Empty(t, data[page[endpointHealth]](t, c.get(t, base+"?failing=true")).Items)
	})
}
