package webhook_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/webhook"
)

var noon = time.Date(2026, 5, 6, 12, 0, 0, 0, time.UTC)

func newDelivery(maxRetries int) webhook.Delivery {
	endpoint := webhook.Endpoint{ID: webhook.NewID(webhook.KindEndpoint, noon), OrganizationID: "org_a", MaxRetries: maxRetries}
	event := webhook.NewEvent("org_a", webhook.EventSpec{Type: "run.finished", Data: []byte(`{}`)}, noon)
	return webhook.NewDelivery(event, endpoint, noon)
}

func answered(status int) webhook.Result {
	return webhook.Result{StartedAt: noon, Duration: time.Millisecond, ResponseStatus: status}
}

func decide(t *testing.T, p webhook.Policy, d webhook.Delivery, r webhook.Result, now time.Time) webhook.Outcome {
	t.Helper()
	outcome, err := p.Decide(d, r, now)
	require.NoError(t, err)
	return outcome
}

func TestDecideRetriesFollowScheduleThenFail(t *testing.T) {
	p := webhook.Policy{Schedule: []time.Duration{10 * time.Second, time.Minute}, Random: func() float64 { return 0.5 }}
	d := newDelivery(3)

	var delays []time.Duration
	for range 3 {
		outcome := decide(t, p, d, answered(500), noon)
		d = outcome.Delivery
		require.Equal(t, webhook.StatusRetrying, d.Status)
		assert.Equal(t, d.NextRetryAt, outcome.Attempt.NextRetryAt)
		delays = append(delays, d.NextRetryAt.Sub(noon))
	}
	assert.Equal(t, []time.Duration{10 * time.Second, time.Minute, time.Minute}, delays, "the last delay repeats")

	d = decide(t, p, d, answered(500), noon).Delivery
	assert.Equal(t, webhook.StatusFailure, d.Status)
	assert.Equal(t, 3, d.RetryCount)
	assert.True(t, d.NextRetryAt.IsZero())
}

func TestPolicyForEndpointHasItsSchedule(t *testing.T) {
	p := webhook.Policy{Schedule: []time.Duration{time.Hour}, Random: func() float64 { return 0.5 }}
	endpoint := webhook.Endpoint{RetrySchedule: []int{10, 86400}}
	d := newDelivery(3)
	var delays []time.Duration
	for range 3 {
		d = decide(t, p.For(endpoint), d, answered(500), noon).Delivery
		delays = append(delays, d.NextRetryAt.Sub(noon))
	}
	assert.Equal(t, []time.Duration{10 * time.Second, 24 * time.Hour, 24 * time.Hour}, delays, "the last delay repeats")
	assert.Equal(t, noon.Add(time.Hour), decide(t, p.For(webhook.Endpoint{}), newDelivery(1), answered(500), noon).Delivery.NextRetryAt)
}

func TestDecideDelayHasJitterAndWholeSeconds(t *testing.T) {
	now := noon.Add(123456 * time.Microsecond)
	for random, want := range map[float64]time.Duration{0: 81 * time.Second, 0.5: 101 * time.Second, 0.999999: 121 * time.Second} {
		p := webhook.Policy{Schedule: []time.Duration{100 * time.Second}, Random: func() float64 { return random }}
		next := decide(t, p, newDelivery(1), answered(500), now).Delivery.NextRetryAt
		assert.Equal(t, noon.Add(want), next, "rounded up, for the queue cuts fractions off")
	}
}

func TestDecideOnly2xxSucceeds(t *testing.T) {
	for status, want := range map[int]webhook.Status{
		200: webhook.StatusSuccess, 204: webhook.StatusSuccess, 299: webhook.StatusSuccess,
		0: webhook.StatusRetrying, 101: webhook.StatusRetrying, 199: webhook.StatusRetrying, 300: webhook.StatusRetrying, 301: webhook.StatusRetrying,
		400: webhook.StatusRetrying, 404: webhook.StatusRetrying, 500: webhook.StatusRetrying, 600: webhook.StatusRetrying, 999: webhook.StatusRetrying,
		410: webhook.StatusFailure,
	} {
		outcome := decide(t, webhook.Policy{}, newDelivery(5), answered(status), noon)
		assert.Equal(t, want, outcome.Delivery.Status, "%d", status)
		assert.Equal(t, status == 410, outcome.DisableEndpoint, "%d", status)
	}
}

func TestDecideRetryAfterAppliesTo429And503Only(t *testing.T) {
	p := webhook.Policy{Schedule: []time.Duration{10 * time.Second}, Random: func() float64 { return 0.5 }}
	for status, want := range map[int]time.Duration{429: time.Hour, 503: time.Hour, 500: 10 * time.Second, 301: 10 * time.Second} {
		r := answered(status)
		r.RetryAfter = "3600"
		assert.Equal(t, noon.Add(want), decide(t, p, newDelivery(1), r, noon).Delivery.NextRetryAt, "%d", status)
	}
}

func TestDecideNoRetriesFailsAfterFirstAttempt(t *testing.T) {
	assert.Equal(t, webhook.StatusFailure, decide(t, webhook.Policy{}, newDelivery(0), answered(500), noon).Delivery.Status)
}

func TestErrorMessageHasStatus(t *testing.T) {
	assert.Empty(t, answered(204).ErrorMessage())
	assert.Equal(t, "the receiver answered 500 Internal Server Error", answered(500).ErrorMessage())
	assert.Equal(t, "the receiver answered 599", answered(599).ErrorMessage())
	assert.Equal(t, "connection refused", webhook.Result{Failure: "connection refused"}.ErrorMessage())
}

func TestDecideTestHasNoConsequences(t *testing.T) {
	d := newDelivery(5)
	trial := webhook.NewTest(webhook.Event{ID: d.EventID, OrganizationID: d.OrganizationID}, webhook.Endpoint{ID: d.EndpointID, MaxRetries: 5}, noon)
	assert.Equal(t, webhook.PriorityHead, trial.Priority)
	outcome := decide(t, webhook.Policy{}, trial, answered(410), noon)
	assert.Equal(t, webhook.StatusFailure, outcome.Delivery.Status)
	assert.False(t, outcome.DisableEndpoint)
	assert.Equal(t, webhook.StatusFailure, decide(t, webhook.Policy{}, trial, answered(500), noon).Delivery.Status)
	replay := trial.Replayed(webhook.Event{}, webhook.Endpoint{MaxRetries: 5}, noon)
	assert.True(t, replay.Test)
	assert.Zero(t, replay.MaxRetries)
	assert.False(t, d.Replayed(webhook.Event{}, webhook.Endpoint{}, noon).Test)
}
