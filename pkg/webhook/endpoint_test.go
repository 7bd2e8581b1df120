package webhook_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/webhook"
)

func reasons(t *testing.T, err error) map[string]string {
	t.Helper()
	var refused *webhook.Error
	require.ErrorAs(t, err, &refused)
	assert.Equal(t, webhook.CodeInvalid, refused.Code)
	found := map[string]string{}
	for _, d := range refused.Details {
		found[d.Field] = d.Reason
	}
	return found
}

func TestEndpointSpecCheckReportsAllProblems(t *testing.T) {
	tooMany := 21
	err := webhook.EndpointSpec{
		Name: " ", Description: "a\x00b", MaxRetries: &tooMany, SubscribedEventTypes: []string{"run.*", "r n"},
	}.Check()
	assert.Equal(t, map[string]string{
		"name": "required", "url": "required", "description": "invalid_text", "maxRetries": "out_of_range",
		"subscribedEventTypes[1]": "invalid_event_type",
	}, reasons(t, err))

	assert.Equal(t, map[string]string{"name": "too_long"}, reasons(t, webhook.EndpointSpec{Name: strings.Repeat("é", 129), URL: "https://x"}.Check()))
	assert.Equal(t, map[string]string{"name": "invalid_text"}, reasons(t, webhook.EndpointSpec{Name: "a\xff", URL: "https://x"}.Check()))
	assert.NoError(t, webhook.EndpointSpec{Name: strings.Repeat("é", 128), URL: "https://x"}.Check())
	for limit, wrong := range map[int]bool{-1: true, 0: false, 1: false, 10_000: false, 10_001: true} {
		err := webhook.EndpointSpec{Name: "n", URL: "https://x", RateLimit: limit}.Check()
		assert.Equal(t, wrong, err != nil, "%d", limit)
		if wrong {
			assert.Equal(t, map[string]string{"rateLimit": "out_of_range"}, reasons(t, err))
		}
	}
}

func TestRotatedSecretsOverlap(t *testing.T) {
	e := webhook.Endpoint{SigningSecrets: []webhook.SigningSecret{{Value: "one"}}}
	rotate := func(secret webhook.Secret, overlap time.Duration, now time.Time) {
		t.Helper()
		rotated, err := e.RotatedSecrets(secret, overlap, now)
		require.NoError(t, err)
		e.SigningSecrets = rotated
	}
	rotate("two", 24*time.Hour, noon)
	assert.Equal(t, []webhook.Secret{"two", "one"}, e.LiveSecrets(noon.Add(24*time.Hour-time.Second)))
	assert.Equal(t, []webhook.Secret{"two"}, e.LiveSecrets(noon.Add(24*time.Hour)))

	rotate("three", time.Hour, noon.Add(time.Hour))
	assert.Equal(t, []webhook.Secret{"three", "one"}, e.LiveSecrets(noon.Add(3*time.Hour)), "a short overlap leaves older promises alone")

	rotate("four", 0, noon.Add(3*time.Hour))
	assert.Equal(t, []webhook.Secret{"four"}, e.LiveSecrets(noon.Add(3*time.Hour)), "none ends all at once")
}

func TestRotatedSecretsTooManyRefused(t *testing.T) {
	e := webhook.Endpoint{SigningSecrets: []webhook.SigningSecret{{Value: "0"}}}
	for i := range 49 {
		var err error
		e.SigningSecrets, err = e.RotatedSecrets(webhook.Secret(fmt.Sprint(i+1)), time.Hour, noon.Add(time.Duration(i)*time.Minute))
		require.NoError(t, err)
	}
	assert.Len(t, e.LiveSecrets(noon.Add(49*time.Minute)), 50, "a signature for each goes into one header")

	_, err := e.RotatedSecrets("50", time.Hour, noon.Add(49*time.Minute))
	assert.Equal(t, map[string]string{"signingSecret": "too_many_secrets"}, reasons(t, err))
	assert.ErrorContains(t, err, webhook.FormatTime(noon.Add(time.Hour)), "it says when there is room again")

	rotated, err := e.RotatedSecrets("50", time.Hour, noon.Add(time.Hour))
	require.NoError(t, err)
	assert.Len(t, rotated, 50, "the first has ended")
	rotated, err = e.RotatedSecrets("50", 0, noon.Add(49*time.Minute))
	require.NoError(t, err)
	assert.Len(t, rotated, 1)
}

func TestOverlap(t *testing.T) {
	for hours, want := range map[int]time.Duration{0: 0, 1: time.Hour, 168: 168 * time.Hour} {
		got, err := webhook.Overlap(&hours)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	standard, err := webhook.Overlap(nil)
	require.NoError(t, err)
	assert.Equal(t, 24*time.Hour, standard)
	for _, hours := range []int{-1, 169, 1 << 62} {
		_, err := webhook.Overlap(&hours)
		assert.Equal(t, map[string]string{"overlapHours": "out_of_range"}, reasons(t, err))
	}
}

func TestSecretPrintsMasked(t *testing.T) {
	secret := webhook.Secret("whsec_canary")
	encoded, err := json.Marshal(map[string]any{"s": secret})
	require.NoError(t, err)
	shown := fmt.Sprintf("%v %s %q %#v %x %+v", secret, secret, secret, secret, secret, webhook.SigningSecret{Value: secret}) + string(encoded) + secret.LogValue().String()
	assert.NotContains(t, shown, "canary")
	assert.NotContains(t, shown, fmt.Sprintf("%x", "canary"))
}
