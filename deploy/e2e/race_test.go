package e2e

import (
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A retry that arrives while the last attempt is recorded and its task archived is either refused or made.
func TestRetryWhileTheFailureIsRecordedArrives(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		c := s.organization(t)
		hook, url := answering(t, status(500), status(200))
		c.endpoint(t, url, 0)

		const lanes, rounds = 4, 25
		ids := make([][]string, lanes)
		var group sync.WaitGroup
		for lane := range lanes {
			group.Go(func() {
				for range rounds {
					id, err := c.publishAndHammer()
					if !assert.NoError(t, err) {
						return
					}
					ids[lane] = append(ids[lane], id)
				}
			})
		}
		group.Wait()
		for _, lane := range ids {
			require.Len(t, lane, rounds)
			for _, id := range lane {
				hook.await(t, id, 2)
				done := c.awaitStatus(t, id, success)
				assert.Equal(t, 0, done.RetryCount)
				assert.Len(t, c.attempts(t, id), 2)
				assert.Len(t, hook.of(id), 2)
			}
		}
	})
}

// publishAndHammer publishes an event and sends retries until one is accepted.
func (c *client) publishAndHammer() (id string, err error) {
	answer, err := c.try(request{method: http.MethodPost, path: base + "/events", body: `{"eventType":"run.finished","data":{}}`})
	if err != nil {
		return "", err
	}
	made, err := read[published](answer)
	if err != nil || len(made.Deliveries) != 1 {
		return "", fmt.Errorf("%d deliveries: %w", len(made.Deliveries), err)
	}
	id = made.Deliveries[0].ID
	const enough = 5000
	for range enough {
		answer, err := c.try(request{method: http.MethodPost, path: deliveries + "/" + id + "/retry"})
		switch {
		case err != nil:
			return id, err
		case answer.status == http.StatusOK:
			return id, nil
		case answer.status != http.StatusBadRequest:
			return id, fmt.Errorf("a retry was answered %d: %s", answer.status, answer.body)
		}
	}
	return id, fmt.Errorf("delivery %s did not fail within %d retries", id, enough)
}
