package webhook_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"redrive/pkg/webhook"
)

func TestMinuteHasTimesFromItsStart(t *testing.T) {
	for text, want := range map[string]string{
		"2026-11-28T10:31:00Z":           "2026-11-28T10:31:00Z",
		"2026-11-28T10:31:59.999999999Z": "2026-11-28T10:31:00Z",
		"2026-11-28T10:32:00+05:45":      "2026-11-28T04:47:00Z",
		"1970-01-01T00:00:00Z":           "1970-01-01T00:00:00Z",
		"1969-12-31T23:59:59.5Z":         "1969-12-31T23:59:00Z",
		"1969-12-31T23:58:00Z":           "1969-12-31T23:58:00Z",
	} {
		at, err := time.Parse(time.RFC3339Nano, text)
		assert.NoError(t, err)
		assert.Equal(t, want, webhook.MinuteOf(at).Start().Format(time.RFC3339), text)
	}
}

func TestResultKeyIsSuccessOrErrorKey(t *testing.T) {
	for want, attempt := range map[string]webhook.Attempt{
		"success":     {Outcome: webhook.AttemptSuccess, ResponseStatus: 204},
		"4xx":         {Outcome: webhook.AttemptFailure, ResponseStatus: 410, ErrorCode: webhook.ErrorHTTPStatus},
		"5xx":         {Outcome: webhook.AttemptFailure, ResponseStatus: 503, ErrorCode: webhook.ErrorHTTPStatus},
		"http_status": {Outcome: webhook.AttemptFailure, ResponseStatus: 302, ErrorCode: webhook.ErrorHTTPStatus},
		"timeout":     {Outcome: webhook.AttemptFailure, ErrorCode: webhook.ErrorTimeout},
		"unknown":     {Outcome: webhook.AttemptFailure},
	} {
		assert.Equal(t, want, attempt.ResultKey())
		assert.Contains(t, webhook.ResultKeys(), want)
	}
}
