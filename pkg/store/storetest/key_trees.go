package storetest

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

// issue creates a key by another one.
func issue(t *testing.T, s *store.Store, by webhook.APIKey, organizationID string, scope webhook.Scope) webhook.APIKey {
	t.Helper()
	key, _ := webhook.NewAPIKey(webhook.APIKeySpec{OrganizationID: organizationID, Name: "n", Scope: scope, CreatedBy: by.ID}, start)
	require.NoError(t, s.IssueAPIKey(t.Context(), key))
	return key
}

func revokedAt(t *testing.T, s *store.Store, key webhook.APIKey) time.Time {
	t.Helper()
	found, err := s.FindAPIKeyByHash(t.Context(), key.KeyHash)
	require.NoError(t, err)
	return found.RevokedAt
}

func testKeyDescendants(t *testing.T, s *store.Store) {
	root := keep(t, s, org, webhook.ScopeReadWrite)
	child := issue(t, s, root, org, webhook.ScopeReadWrite)
	grandchild := issue(t, s, child, org, webhook.ScopeRead)
	now := start.Add(time.Minute)
	_, err := s.RevokeAPIKeyOf(t.Context(), org, root.ID, store.Revocation{Descendants: true}, now)
	require.ErrorIs(t, err, webhook.ErrLastAPIKey)
	for _, key := range []webhook.APIKey{root, child, grandchild} {
		assert.Zero(t, revokedAt(t, s, key), "nothing is revoked")
	}

	aside := keep(t, s, org, webhook.ScopeReadWrite)
	_, err = s.RevokeAPIKeyOf(t.Context(), org, child.ID, store.Revocation{}, now)
	require.NoError(t, err)
	assert.Zero(t, revokedAt(t, s, grandchild), "it was not asked for")
	revoked, err := s.RevokeAPIKeyOf(t.Context(), org, root.ID, store.Revocation{Descendants: true}, now.Add(time.Minute))
	require.NoError(t, err)
	assert.Equal(t, root.ID, revoked.ID)
	assert.Equal(t, now.Add(time.Minute), revoked.RevokedAt)
	assert.Equal(t, now, revokedAt(t, s, child), "it was revoked before")
	assert.Equal(t, now.Add(time.Minute), revokedAt(t, s, grandchild), "through a revoked key too")
	assert.Zero(t, revokedAt(t, s, aside))
	late, _ := webhook.NewAPIKey(webhook.APIKeySpec{OrganizationID: org, Name: "n", Scope: webhook.ScopeRead, CreatedBy: root.ID}, start)
	require.ErrorIs(t, s.IssueAPIKey(t.Context(), late), webhook.ErrCreatorRevoked)

	_, err = s.RevokeAPIKeyOf(t.Context(), org, aside.ID, store.Revocation{Last: true}, now)
	require.NoError(t, err, "a platform key may revoke the last one")
}

// testPlatformKey revokes a platform key with the keys that it created in two organizations.
func testPlatformKey(t *testing.T, s *store.Store) {
	platform, raw := webhook.NewAPIKey(webhook.APIKeySpec{Name: "platform", Scope: webhook.ScopePlatform}, start)
	require.NoError(t, s.CreateAPIKey(t.Context(), platform))
	identities, failures := s.FindIdentities(t.Context(), [][32]byte{webhook.HashAPIKey(raw.Reveal())})
	require.NoError(t, failures[0])
	assert.Equal(t, webhook.Identity{Key: platform}, identities[0])
	_, err := s.FindOrganization(t.Context(), "")
	requireNotFound(t, err)

	here, there := issue(t, s, platform, org, webhook.ScopeReadWrite), issue(t, s, platform, other, webhook.ScopeReadWrite)
	now := start.Add(time.Minute)
	_, err = s.RevokeAPIKeyOf(t.Context(), org, platform.ID, store.Revocation{Last: true}, now)
	requireNotFound(t, err)
	require.NoError(t, s.RevokeAPIKey(t.Context(), platform.ID, true, now))
	for _, key := range []webhook.APIKey{platform, here, there} {
		assert.Equal(t, now, revokedAt(t, s, key))
	}
}

// testKeyDescendantsRaces creates keys by keys while they are revoked with their descendants. No key is left over.
func testKeyDescendantsRaces(t *testing.T, s *store.Store) {
	aside := keep(t, s, org, webhook.ScopeReadWrite)
	for range 10 {
		root := keep(t, s, org, webhook.ScopeReadWrite)
		child := issue(t, s, root, org, webhook.ScopeReadWrite)
		var group sync.WaitGroup
		var mutex sync.Mutex
		var made []webhook.APIKey
		begin := make(chan struct{})
		for i := range 6 {
			group.Go(func() {
				<-begin
				by := []webhook.APIKey{root, child}[i%2]
				key, _ := webhook.NewAPIKey(webhook.APIKeySpec{OrganizationID: org, Name: "n", Scope: webhook.ScopeRead, CreatedBy: by.ID}, start)
				if err := s.IssueAPIKey(t.Context(), key); err != nil {
					assert.ErrorIs(t, err, webhook.ErrCreatorRevoked)
					return
				}
				mutex.Lock()
				defer mutex.Unlock()
				made = append(made, key)
			})
		}
		group.Go(func() {
			<-begin
			_, err := s.RevokeAPIKeyOf(t.Context(), org, root.ID, store.Revocation{Descendants: true}, start.Add(time.Minute))
			assert.NoError(t, err)
		})
		close(begin)
		group.Wait()
		for _, key := range made {
			assert.NotZero(t, revokedAt(t, s, key))
		}
	}
	assert.Zero(t, revokedAt(t, s, aside))
}

// testKeyLimit creates keys concurrently up to the limit. A key that is revoked makes room.
func testKeyLimit(t *testing.T, s *store.Store) {
	const limit = 5
	_, err := s.PutOrganization(t.Context(), org, webhook.OrganizationChange{Limits: webhook.OrganizationLimitsChange{MaxAPIKeys: pointer(limit)}}, start)
	require.NoError(t, err)
	maker := keep(t, s, org, webhook.ScopeReadWrite)
	issueOne := func() (webhook.APIKey, error) {
		key, _ := webhook.NewAPIKey(webhook.APIKeySpec{OrganizationID: org, Name: "n", Scope: webhook.ScopeRead, CreatedBy: maker.ID}, start)
		return key, s.IssueAPIKey(t.Context(), key)
	}
	var group sync.WaitGroup
	var mutex sync.Mutex
	var made []webhook.APIKey
	for range 2 * limit {
		group.Go(func() {
			key, err := issueOne()
			if err != nil {
				assert.ErrorContains(t, err, "api_key_limit")
				return
			}
			mutex.Lock()
			defer mutex.Unlock()
			made = append(made, key)
		})
	}
	group.Wait()
	require.Len(t, made, limit-1)
	require.NoError(t, s.RevokeAPIKey(t.Context(), made[0].ID, false, start))
	_, err = issueOne()
	require.NoError(t, err)
	keep(t, s, org, webhook.ScopeRead)

	_, err = s.PutOrganization(t.Context(), org, webhook.OrganizationChange{Limits: webhook.OrganizationLimitsChange{MaxAPIKeys: pointer(0)}}, start)
	require.NoError(t, err)
	_, err = issueOne()
	require.NoError(t, err, "0 is no limit")
}
