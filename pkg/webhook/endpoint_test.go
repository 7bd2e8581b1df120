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

func TestEndpointSpecSaysAllThatIsWrongAtOnce(t *testing.T) {
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
}

func TestRotatedSecretsOverlap(t *testing.T) {
	e := webhook.Endpoint{SigningSecrets: []webhook.SigningSecret{{Value: "one"}}}
	e.SigningSecrets = e.RotatedSecrets("two", 24*time.Hour, noon)
	assert.Equal(t, []webhook.Secret{"two", "one"}, e.LiveSecrets(noon.Add(24*time.Hour-time.Second)))
	assert.Equal(t, []webhook.Secret{"two"}, e.LiveSecrets(noon.Add(24*time.Hour)))

	e.SigningSecrets = e.RotatedSecrets("three", 0, noon.Add(time.Hour))
	assert.Equal(t, []webhook.Secret{"three", "one"}, e.LiveSecrets(noon.Add(time.Hour)), "no overlap ends the one before at once, and leaves older promises alone")

	for i := range 70 {
		e.SigningSecrets = e.RotatedSecrets(webhook.Secret(fmt.Sprint(i)), time.Hour, noon)
	}
	assert.Len(t, e.SigningSecrets, 50, "a signature for each goes into one header")
	assert.Equal(t, webhook.Secret("69"), e.SigningSecrets[0].Value)
}

func TestASecretDoesNotShowItself(t *testing.T) {
	secret := webhook.Secret("whsec_canary")
	encoded, err := json.Marshal(map[string]any{"s": secret})
	require.NoError(t, err)
	shown := fmt.Sprintf("%v %s %q %#v %x %+v", secret, secret, secret, secret, secret, webhook.SigningSecret{Value: secret}) + string(encoded) + secret.LogValue().String()
	assert.NotContains(t, shown, "canary")
	assert.NotContains(t, shown, fmt.Sprintf("%x", "canary"))
}
