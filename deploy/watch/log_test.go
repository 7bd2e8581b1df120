package watch_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Every request and every attempt has one line. Its fields have the names of the API.
func TestLogHasOneLinePerRequestAndAttempt(t *testing.T) {
	t.Parallel()
	r := newRedrive(t, options{})
	id, _, _ := r.deliver("X-Request-Id", "order-4711")

	requests := r.log.Records("request")
	require.Len(t, requests, 2)
	request := requests[1]
	assert.Equal(t, "order-4711", request["requestId"])
	assert.Equal(t, "POST", request["method"])
	assert.Equal(t, base+"/events", request["route"])
	assert.EqualValues(t, 200, request["status"])
	assert.Equal(t, "org", request["organizationId"])
	assert.Equal(t, "INFO", request["level"])
	assert.IsType(t, float64(0), request["durationMs"])
	assert.Regexp(t, "^evt_", request["id"])

	attempts := r.log.Records("attempt")
	require.Len(t, attempts, 2)
	for i, attempt := range attempts {
		assert.Equal(t, id, attempt["deliveryId"])
		assert.Equal(t, "org", attempt["organizationId"])
		assert.Equal(t, "run.finished", attempt["eventType"])
		assert.Equal(t, request["id"], attempt["eventId"], "this leads back to the request")
		assert.EqualValues(t, i+1, attempt["number"])
		assert.EqualValues(t, i, attempt["retryCount"])
		assert.Regexp(t, "^ep_", attempt["endpointId"])
		assert.Regexp(t, "^att_", attempt["attemptId"])
		assert.Equal(t, "INFO", attempt["level"])
		assert.IsType(t, float64(0), attempt["durationMs"])
	}
	assert.Equal(t, "failure", attempts[0]["outcome"])
	assert.Equal(t, "retrying", attempts[0]["status"])
	assert.EqualValues(t, 500, attempts[0]["responseStatus"])
	assert.NotEmpty(t, attempts[0]["nextRetryAt"])
	assert.Contains(t, attempts[0]["errorMessage"], "500")
	assert.Equal(t, "success", attempts[1]["outcome"])
	assert.Equal(t, "success", attempts[1]["status"])
	assert.EqualValues(t, 200, attempts[1]["responseStatus"])

	for _, secret := range []string{r.key, secrets, "whsec_"} {
		assert.NotContains(t, r.log.String(), secret)
	}
}
