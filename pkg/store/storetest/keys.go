package storetest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

func testKeyRoundTrip(t *testing.T, s *store.Store) {
	key, raw := webhook.NewAPIKey(webhook.APIKeySpec{OrganizationID: org, Name: "ci", Description: "d", Scope: webhook.ScopeRead, ExpiresAt: start.Add(time.Hour), CreatedBy: "cli"}, start)
	require.NoError(t, s.CreateAPIKey(t.Context(), key))
	elsewhere, _ := webhook.NewAPIKey(webhook.APIKeySpec{OrganizationID: other, Name: "ci", Scope: webhook.ScopeReadWrite}, start)
	require.NoError(t, s.CreateAPIKey(t.Context(), elsewhere))

	found, err := s.FindAPIKeyByHash(t.Context(), webhook.HashAPIKey(raw.Reveal()))
	require.NoError(t, err)
	assert.Equal(t, key, found)
	_, err = s.FindAPIKeyByHash(t.Context(), webhook.HashAPIKey("rdk_unknown"))
	requireNotFound(t, err)

	all, err := s.ListAPIKeys(t.Context(), "")
	require.NoError(t, err)
	assert.Equal(t, []webhook.APIKey{key, elsewhere}, all)
	mine, err := s.ListAPIKeys(t.Context(), org)
	require.NoError(t, err)
	assert.Equal(t, []webhook.APIKey{key}, mine)

	require.NoError(t, s.RevokeAPIKey(t.Context(), key.ID, start.Add(time.Minute)))
	require.NoError(t, s.RevokeAPIKey(t.Context(), key.ID, start.Add(2*time.Minute)))
	found, err = s.FindAPIKeyByHash(t.Context(), key.KeyHash)
	require.NoError(t, err)
	assert.Equal(t, start.Add(time.Minute), found.RevokedAt, "revoking again changes nothing")
	requireNotFound(t, s.RevokeAPIKey(t.Context(), "key_unknown", start))
}

func testSecondMigration(t *testing.T, s *store.Store) {
	applied, err := s.Migrate(t.Context())
	require.NoError(t, err)
	assert.Empty(t, applied)
	assert.NoError(t, s.CheckSchema(t.Context()))
	assert.NoError(t, s.Ping(t.Context()))
}
