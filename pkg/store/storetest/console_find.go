package storetest

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

func testFindDeliveryOfAttempt(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	d := w.failed()
	found, err := s.FindDeliveryOfAttempt(w.ctx, org, d.LastAttemptID)
	require.NoError(t, err)
	assert.Equal(t, d.ID, found)
	_, err = s.FindDeliveryOfAttempt(w.ctx, "another", d.LastAttemptID)
	assert.Equal(t, webhook.CodeNotFound, webhook.CodeOf(err), "another organization's")
	_, err = s.FindDeliveryOfAttempt(w.ctx, org, webhook.NewID(webhook.KindAttempt, start))
	assert.Equal(t, webhook.CodeNotFound, webhook.CodeOf(err))
}

func testListAPIKeysByPrefix(t *testing.T, s *store.Store) {
	spec := webhook.APIKeySpec{OrganizationID: org, Name: "a", Scope: webhook.ScopeRead}
	key, _ := webhook.NewAPIKey(spec, start)
	require.NoError(t, s.CreateAPIKey(t.Context(), key))
	other, _ := webhook.NewAPIKey(spec, start)
	require.NoError(t, s.CreateAPIKey(t.Context(), other))

	found, err := s.ListAPIKeysByPrefix(t.Context(), key.KeyPrefix, 10)
	require.NoError(t, err)
	require.Len(t, found, 1)
	assert.Equal(t, key.ID, found[0].ID)
	found, err = s.ListAPIKeysByPrefix(t.Context(), key.KeyPrefix[:8], 10)
	require.NoError(t, err)
	assert.Empty(t, found, "a part of a prefix")
}
