package storetest

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

// identityOf returns the key as it is found by its hash, of an organization with the default limits.
func identityOf(key webhook.APIKey) webhook.Identity {
	return webhook.Identity{Key: key, Organization: webhook.DefaultOrganization(key.OrganizationID)}
}

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

	unknown := webhook.HashAPIKey("rdk_unknown")
	identities, failures := s.FindIdentities(t.Context(), [][sha256.Size]byte{elsewhere.KeyHash, unknown, key.KeyHash, elsewhere.KeyHash})
	assert.Equal(t, []webhook.Identity{identityOf(elsewhere), {}, identityOf(key), identityOf(elsewhere)}, identities)
	requireNotFound(t, failures[1])
	failures[1] = nil
	assert.Equal(t, make([]error, 4), failures)
	identities, failures = s.FindIdentities(t.Context(), nil)
	assert.Empty(t, identities)
	assert.Empty(t, failures)

	all, err := s.ListAPIKeys(t.Context(), "")
	require.NoError(t, err)
	assert.Equal(t, []webhook.APIKey{key, elsewhere}, all)
	mine, err := s.ListAPIKeys(t.Context(), org)
	require.NoError(t, err)
	assert.Equal(t, []webhook.APIKey{key}, mine)

	require.NoError(t, s.RevokeAPIKey(t.Context(), key.ID, false, start.Add(time.Minute)))
	require.NoError(t, s.RevokeAPIKey(t.Context(), key.ID, false, start.Add(2*time.Minute)))
	found, err = s.FindAPIKeyByHash(t.Context(), key.KeyHash)
	require.NoError(t, err)
	assert.Equal(t, start.Add(time.Minute), found.RevokedAt, "revoking again changes nothing")
	requireNotFound(t, s.RevokeAPIKey(t.Context(), "key_unknown", false, start))
}

func testSecondMigration(t *testing.T, s *store.Store) {
	applied, err := s.Migrate(t.Context())
	require.NoError(t, err)
	assert.Empty(t, applied)
	assert.NoError(t, s.CheckSchema(t.Context()))
	assert.NoError(t, s.Ping(t.Context()))
}

// keep creates a key of the organization.
func keep(t *testing.T, s *store.Store, organization string, scope webhook.Scope, change ...func(*webhook.APIKey)) webhook.APIKey {
	t.Helper()
	key, _ := webhook.NewAPIKey(webhook.APIKeySpec{OrganizationID: organization, Name: "k", Scope: scope}, start)
	for _, f := range change {
		f(&key)
	}
	require.NoError(t, s.CreateAPIKey(t.Context(), key))
	return key
}

func testKeysOfAnOrganization(t *testing.T, s *store.Store) {
	var mine []webhook.APIKey
	for range 3 {
		mine = append(mine, keep(t, s, org, webhook.ScopeRead))
		keep(t, s, other, webhook.ScopeRead)
	}
	// They are of one millisecond, in which IDs need not ascend while other tests make IDs too.
	slices.SortFunc(mine, func(a, b webhook.APIKey) int { return strings.Compare(b.ID, a.ID) })
	list, err := s.ListAPIKeysOf(t.Context(), org, webhook.Page{Limit: 2})
	require.NoError(t, err)
	assert.Equal(t, webhook.List[webhook.APIKey]{Items: mine[:2], HasMore: true, Next: mine[1].ID}, list)
	list, err = s.ListAPIKeysOf(t.Context(), org, webhook.Page{Limit: 2, Offset: 2})
	require.NoError(t, err)
	assert.Equal(t, webhook.List[webhook.APIKey]{Items: mine[2:]}, list)
	after, err := s.ListAPIKeysOf(t.Context(), org, webhook.Page{Limit: 2, After: mine[1].ID})
	require.NoError(t, err)
	require.Equal(t, list, after)
	list, err = s.ListAPIKeysOf(t.Context(), "org_none", webhook.Page{Limit: 2})
	require.NoError(t, err)
	assert.Empty(t, list.Items)

	found, err := s.FindAPIKey(t.Context(), org, mine[1].ID)
	require.NoError(t, err)
	assert.Equal(t, mine[1], found)
	_, err = s.FindAPIKey(t.Context(), other, mine[1].ID)
	requireNotFound(t, err)
	_, err = s.RevokeAPIKeyOf(t.Context(), other, mine[1].ID, store.Revocation{}, start)
	requireNotFound(t, err)
	_, err = s.RevokeAPIKeyOf(t.Context(), org, webhook.NewID(webhook.KindAPIKey, start), store.Revocation{}, start)
	requireNotFound(t, err)
	found, err = s.FindAPIKey(t.Context(), org, mine[1].ID)
	require.NoError(t, err)
	assert.Equal(t, mine[1], found, "a stranger changes nothing")
}

func testKeyRevocation(t *testing.T, s *store.Store) {
	now := start.Add(time.Minute)
	first, second := keep(t, s, org, webhook.ScopeReadWrite), keep(t, s, org, webhook.ScopeReadWrite)
	reader := keep(t, s, org, webhook.ScopeRead)
	expired := keep(t, s, org, webhook.ScopeReadWrite, func(k *webhook.APIKey) { k.ExpiresAt = now })
	keep(t, s, other, webhook.ScopeReadWrite)

	revoked, err := s.RevokeAPIKeyOf(t.Context(), org, first.ID, store.Revocation{}, now)
	require.NoError(t, err)
	first.RevokedAt = now
	assert.Equal(t, first, revoked)
	again, err := s.RevokeAPIKeyOf(t.Context(), org, first.ID, store.Revocation{}, now.Add(time.Hour))
	require.NoError(t, err)
	assert.Equal(t, first, again, "revoking again changes nothing")

	// A read key, an expired key and a key of another organization do not count.
	_, err = s.RevokeAPIKeyOf(t.Context(), org, second.ID, store.Revocation{}, now)
	require.ErrorIs(t, err, webhook.ErrLastAPIKey)
	found, err := s.FindAPIKey(t.Context(), org, second.ID)
	require.NoError(t, err)
	assert.Equal(t, second, found)
	for _, key := range []webhook.APIKey{reader, expired} {
		revoked, err = s.RevokeAPIKeyOf(t.Context(), org, key.ID, store.Revocation{}, now)
		require.NoError(t, err, "they are none that could be the last")
		assert.Equal(t, now, revoked.RevokedAt)
	}
	require.NoError(t, s.RevokeAPIKey(t.Context(), second.ID, false, now), "the operator may")
	_, err = s.RevokeAPIKeyOf(t.Context(), org, second.ID, store.Revocation{}, now)
	assert.NoError(t, err, "it is revoked already")
}

// testKeyRevocationRaces revokes all read-write keys concurrently. One stays valid.
func testKeyRevocationRaces(t *testing.T, s *store.Store) {
	for round := range 20 {
		organization := fmt.Sprintf("%s_%d", org, round)
		keys := make([]webhook.APIKey, 2+round%3)
		for i := range keys {
			keys[i] = keep(t, s, organization, webhook.ScopeReadWrite)
		}
		var revoked, refused atomic.Int32
		var group sync.WaitGroup
		begin := make(chan struct{})
		for _, key := range keys {
			group.Go(func() {
				<-begin
				switch _, err := s.RevokeAPIKeyOf(t.Context(), organization, key.ID, store.Revocation{}, start.Add(time.Minute)); {
				case err == nil:
					revoked.Add(1)
				case errors.Is(err, webhook.ErrLastAPIKey):
					refused.Add(1)
				default:
					t.Errorf("revoke: %v", err)
				}
			})
		}
		close(begin)
		group.Wait()
		require.EqualValues(t, len(keys)-1, revoked.Load())
		require.EqualValues(t, 1, refused.Load())
	}
}

func testKeyUses(t *testing.T, s *store.Store) {
	key, idle := keep(t, s, org, webhook.ScopeRead), keep(t, s, org, webhook.ScopeRead)
	lastUse := func(id string) time.Time {
		found, err := s.FindAPIKey(t.Context(), org, id)
		require.NoError(t, err)
		return found.LastUsedAt
	}
	for _, step := range []struct{ at, want time.Duration }{
		{0, 0}, {59 * time.Second, 0}, {time.Minute, time.Minute}, {30 * time.Second, time.Minute}, {90 * time.Second, time.Minute}, {time.Hour, time.Hour},
	} {
		use := webhook.APIKeyUse{ID: key.ID, At: start.Add(step.at)}
		require.NoError(t, s.RecordKeyUses(t.Context(), []webhook.APIKeyUse{{ID: "key_gone", At: start}, use}, time.Minute))
		assert.Equal(t, start.Add(step.want), lastUse(key.ID), "%s", step.at)
	}
	assert.Zero(t, lastUse(idle.ID))
	require.NoError(t, s.RecordKeyUses(t.Context(), nil, time.Minute))
}

// testKeyUsesConcurrent records uses of the same keys in different orders while the keys are revoked. No call fails.
func testKeyUsesConcurrent(t *testing.T, s *store.Store) {
	var uses []webhook.APIKeyUse
	for range 20 {
		uses = append(uses, webhook.APIKeyUse{ID: keep(t, s, org, webhook.ScopeReadWrite).ID, At: start.Add(time.Hour)})
	}
	var group sync.WaitGroup
	for process := range 8 {
		group.Go(func() {
			mine := slices.Clone(uses)
			if process%2 == 0 {
				slices.Reverse(mine)
			}
			assert.NoError(t, s.RecordKeyUses(t.Context(), mine, time.Minute))
		})
		group.Go(func() {
			_, err := s.RevokeAPIKeyOf(t.Context(), org, uses[process].ID, store.Revocation{}, start.Add(time.Hour))
			assert.NoError(t, err)
		})
	}
	group.Wait()
	list, err := s.ListAPIKeysOf(t.Context(), org, webhook.Page{Limit: 100})
	require.NoError(t, err)
	for _, key := range list.Items {
		assert.Equal(t, start.Add(time.Hour), key.LastUsedAt)
	}
}
