package envelope_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/envelope"
	"redrive/pkg/webhook"
)

func TestFailEveryClassHasStatus(t *testing.T) {
	for code, want := range map[webhook.Code]int{
		webhook.CodeInvalid: 400, webhook.CodeUnauthenticated: 401, webhook.CodeForbidden: 403, webhook.CodeNotFound: 404,
		webhook.CodeRateLimited: 429, webhook.CodeUnavailable: 503, webhook.CodeInternal: 500, "unheard of": 500,
	} {
		wrapped := fmt.Errorf("doing: %w", &webhook.Error{Code: code, Message: "m"})
		assert.Equal(t, want, envelope.Fail(wrapped, "req_1").Code, "%s", code)
	}
}

func TestFailCauseIsHidden(t *testing.T) {
	failure := envelope.Fail(errors.New("dial tcp 10.0.0.7: secret"), "req_1")
	encoded, err := json.Marshal(failure)
	require.NoError(t, err)
	assert.Equal(t, 500, failure.Code)
	assert.NotContains(t, string(encoded), "10.0.0.7")

	encoded, err = json.Marshal(envelope.Fail(webhook.Unavailable(time.Second, errors.New("10.0.0.7")), "req_1"))
	require.NoError(t, err)
	assert.NotContains(t, string(encoded), "10.0.0.7")
}

func TestEnvelopeEncodesSuccessAndFailure(t *testing.T) {
	encoded, err := json.Marshal(envelope.OK(map[string]int{"a": 1}, "req_1"))
	require.NoError(t, err)
	assert.JSONEq(t, `{"code":200,"data":{"a":1},"message":"success","requestId":"req_1"}`, string(encoded))

	encoded, err = json.Marshal(envelope.Fail(webhook.ErrEndpointDisabled, "req_1"))
	require.NoError(t, err)
	assert.JSONEq(t, `{"code":400,"message":"the endpoint is disabled; enable it first","requestId":"req_1",
		"details":[{"reason":"endpoint_disabled","field":"endpointId","message":"the endpoint is disabled; enable it first"}]}`, string(encoded))
}
