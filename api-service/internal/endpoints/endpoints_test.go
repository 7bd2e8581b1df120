package endpoints_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/api-service/internal/endpoints"
	"redrive/pkg/webhook"
)

// store records its arguments.
type store struct {
	created  []webhook.Endpoint
	pausedAt time.Time // of the endpoint before the change
	changed  webhook.Endpoint
	err      error
}

func (s *store) CreateEndpoint(_ context.Context, e webhook.Endpoint) error {
	s.created = append(s.created, e)
	return s.err
}

func (s *store) ChangeEndpoint(_ context.Context, organizationID, id string, change webhook.EndpointChange) (webhook.Endpoint, error) {
	s.changed = webhook.Endpoint{
		ID: id, OrganizationID: organizationID, SigningSecrets: []webhook.SigningSecret{{Value: "whsec_old"}}, PausedAt: s.pausedAt,
	}
	if err := change.Apply(&s.changed); err != nil {
		return webhook.Endpoint{}, err
	}
	return s.changed, s.err
}

// current returns the newest secret after the change.
func (s *store) current() webhook.Secret { return s.changed.SigningSecrets[0].Value }

// destinations returns the error of the test.
type destinations struct {
	err   error
	asked []string
}

func (d *destinations) Check(_ context.Context, url string) error {
	d.asked = append(d.asked, url)
	return d.err
}

var (
	by   = webhook.APIKey{ID: "key_1", OrganizationID: "org_a"}
	spec = webhook.EndpointSpec{Name: "Billing", URL: "https://hooks.example.com/"}
)

func TestCreateStoresEndpointWithSecret(t *testing.T) {
	s, d := &store{}, &destinations{}
	endpoint, secret, err := endpoints.New(s, d).Create(t.Context(), by, spec)
	require.NoError(t, err)
	assert.Equal(t, []string{spec.URL}, d.asked)
	assert.Equal(t, []webhook.Endpoint{endpoint}, s.created)
	assert.Regexp(t, `^whsec_[A-Za-z0-9+/]{43}=$`, secret.Reveal())
	assert.Equal(t, []webhook.SigningSecret{{Value: secret}}, endpoint.SigningSecrets)
	assert.Equal(t, []string{"org_a", "key_1"}, []string{endpoint.OrganizationID, endpoint.CreatedBy})

	_, another, err := endpoints.New(s, d).Create(t.Context(), by, spec)
	require.NoError(t, err)
	assert.NotEqual(t, secret, another)
}

func TestCreateRefusedDestinationNotStored(t *testing.T) {
	s := &store{}
	refused := webhook.Invalid("destination_not_allowed", "url", "no")
	_, secret, err := endpoints.New(s, &destinations{err: refused}).Create(t.Context(), by, spec)
	require.ErrorIs(t, err, refused)
	assert.Empty(t, s.created)
	assert.Empty(t, secret)
}

func TestCreateInvalidSpecDestinationNotChecked(t *testing.T) {
	s, d := &store{}, &destinations{}
	_, _, err := endpoints.New(s, d).Create(t.Context(), by, webhook.EndpointSpec{URL: spec.URL})
	assert.Equal(t, webhook.CodeInvalid, webhook.CodeOf(err))
	assert.Empty(t, d.asked)
	assert.Empty(t, s.created)
}

func TestCreateDatabaseErrorReturnsNoSecret(t *testing.T) {
	broken := errors.New("broken")
	registry := endpoints.New(&store{err: broken}, &destinations{})
	_, secret, err := registry.Create(t.Context(), by, spec)
	require.ErrorIs(t, err, broken)
	assert.Empty(t, secret)
	_, secret, err = registry.RegenerateSecret(t.Context(), by, "ep_1", nil)
	require.ErrorIs(t, err, broken)
	assert.Empty(t, secret)
}

func TestRegenerateSecretOldOneSignsForADay(t *testing.T) {
	s := &store{}
	endpoint, secret, err := endpoints.New(s, &destinations{}).RegenerateSecret(t.Context(), by, "ep_1", nil)
	require.NoError(t, err)
	assert.Equal(t, s.changed, endpoint)
	assert.Equal(t, []string{"ep_1", "org_a"}, []string{endpoint.ID, endpoint.OrganizationID})
	assert.Equal(t, secret, s.current())
	assert.WithinDuration(t, time.Now().Add(24*time.Hour), s.changed.SigningSecrets[1].ExpiresAt, time.Minute)
}

func TestRegenerateSecretCustomOverlap(t *testing.T) {
	s := &store{}
	registry := endpoints.New(s, &destinations{})
	none, week := 0, 168
	_, _, err := registry.RegenerateSecret(t.Context(), by, "ep_1", &none)
	require.NoError(t, err)
	assert.Len(t, s.changed.SigningSecrets, 1)
	_, _, err = registry.RegenerateSecret(t.Context(), by, "ep_1", &week)
	require.NoError(t, err)
	assert.WithinDuration(t, time.Now().Add(168*time.Hour), s.changed.SigningSecrets[1].ExpiresAt, time.Minute)
	*s = store{}
	tooLong := 169
	_, secret, err := registry.RegenerateSecret(t.Context(), by, "ep_1", &tooLong)
	assert.Equal(t, webhook.CodeInvalid, webhook.CodeOf(err))
	assert.Empty(t, secret)
	assert.Empty(t, s.changed, "the store was not asked")
}

func TestCreateCustomSecret(t *testing.T) {
	own := func(size int) *webhook.Secret {
		secret := webhook.Secret("whsec_" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("s"), size)))
		return &secret
	}
	s := &store{}
	registry := endpoints.New(s, &destinations{})
	for _, size := range []int{24, 32, 64} {
		with := spec
		with.SigningSecret = own(size)
		endpoint, secret, err := registry.Create(t.Context(), by, with)
		require.NoError(t, err)
		assert.Equal(t, *with.SigningSecret, secret)
		assert.Equal(t, []webhook.SigningSecret{{Value: secret}}, endpoint.SigningSecrets)
	}
	s.created = nil
	canary, empty := webhook.Secret("whsec_canary"), webhook.Secret("")
	for _, secret := range []*webhook.Secret{own(23), own(65), &canary, &empty} {
		_, shown, err := registry.Create(t.Context(), by, webhook.EndpointSpec{Name: "n", URL: spec.URL, SigningSecret: secret, RateLimit: -1})
		var refused *webhook.Error
		require.ErrorAs(t, err, &refused)
		assert.Equal(t, []string{"rateLimit", "signingSecret"}, []string{refused.Details[0].Field, refused.Details[1].Field}, "all at once")
		assert.Equal(t, "invalid_secret", refused.Details[1].Reason)
		assert.NotContains(t, err.Error(), "canary")
		assert.Empty(t, shown)
		assert.Empty(t, s.created)

		_, _, err = registry.Create(t.Context(), by, webhook.EndpointSpec{Name: "n", URL: spec.URL, SigningSecret: secret})
		assert.Equal(t, webhook.CodeInvalid, webhook.CodeOf(err))
	}
}
