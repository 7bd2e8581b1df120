package authn_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/api-service/internal/authn"
	"redrive/pkg/webhook"
)

// store is a store with one key and one organization.
type store struct {
	key                webhook.APIKey
	organization       webhook.Organization
	err                error
	asked              int
	askedOrganizations int
}

func (s *store) FindIdentities(_ context.Context, hashes [][sha256.Size]byte) ([]webhook.Identity, []error) {
	s.asked += len(hashes)
	identities, failures := make([]webhook.Identity, len(hashes)), make([]error, len(hashes))
	for i, hash := range hashes {
		identities[i], failures[i] = webhook.Identity{Key: s.key, Organization: s.organization}, s.err
		if s.err == nil && hash != s.key.KeyHash {
			identities[i], failures[i] = webhook.Identity{}, webhook.NotFound("API key", "")
		}
	}
	return identities, failures
}

func (s *store) FindOrganizations(_ context.Context, ids []string) ([]webhook.Organization, []error) {
	s.askedOrganizations += len(ids)
	organizations, failures := make([]webhook.Organization, len(ids)), make([]error, len(ids))
	for i, id := range ids {
		organizations[i], failures[i] = s.organization, s.err
		if s.err == nil && id != s.organization.ID {
			organizations[i], failures[i] = webhook.Organization{}, webhook.OrganizationNotFound("id")
		}
	}
	return organizations, failures
}

// uses records the IDs of used keys.
type uses struct{ ids []string }

func (u *uses) Used(key webhook.APIKey, _ time.Time) { u.ids = append(u.ids, key.ID) }

func newKey() (webhook.APIKey, string) {
	key, raw := webhook.NewAPIKey(webhook.APIKeySpec{OrganizationID: "org_a", Name: "test", Scope: webhook.ScopeRead}, webhook.Now())
	return key, raw.Reveal()
}

func TestAuthenticateKnownKeyReturnsStoredKey(t *testing.T) {
	key, raw := newKey()
	found, err := authn.New(&store{key: key}, &uses{}, authn.Options{}).Authenticate(t.Context(), raw)
	require.NoError(t, err)
	assert.Equal(t, webhook.Identity{Key: key}, found)
}

func TestAuthenticateInvalidKeysGetSameError(t *testing.T) {
	key, raw := newKey()
	_, other := newKey()
	revoked, expired := key, key
	revoked.RevokedAt = webhook.Now()
	expired.ExpiresAt = webhook.Now().Add(-time.Microsecond)
	for name, test := range map[string]struct {
		key webhook.APIKey
		raw string
	}{"unknown": {key, other}, "revoked": {revoked, raw}, "expired": {expired, raw}} {
		found, err := authn.New(&store{key: test.key}, &uses{}, authn.Options{}).Authenticate(t.Context(), test.raw)
		assert.Same(t, authn.ErrUnauthenticated, err, name)
		assert.Empty(t, found, name)
	}
}

func TestAuthenticateMalformedKeyNotLookedUp(t *testing.T) {
	_, raw := newKey()
	s := &store{}
	for _, noise := range []string{"", "x", raw + "x", raw[:len(raw)-1], "rdk_" + raw, "RDK_" + raw[4:]} {
		_, err := authn.New(s, &uses{}, authn.Options{}).Authenticate(t.Context(), noise)
		assert.Same(t, authn.ErrUnauthenticated, err)
	}
	assert.Zero(t, s.asked)
}

// A 401 would make the caller replace a valid key.
func TestAuthenticateDatabaseUnavailableIsNotUnauthenticated(t *testing.T) {
	_, raw := newKey()
	away := webhook.Unavailable(time.Second, errors.New("connection refused"))
	_, err := authn.New(&store{err: away}, &uses{}, authn.Options{}).Authenticate(t.Context(), raw)
	assert.Same(t, away, err)
}

func TestAuthenticateRecordsUsesOfValidKeysOnly(t *testing.T) {
	key, raw := newKey()
	_, other := newKey()
	u := &uses{}
	a := authn.New(&store{key: key}, u, authn.Options{})
	for range 3 {
		_, err := a.Authenticate(t.Context(), raw)
		require.NoError(t, err)
		_, err = a.Authenticate(t.Context(), other)
		require.Error(t, err)
	}
	assert.Equal(t, []string{key.ID, key.ID, key.ID}, u.ids)
}

func TestKeyRevokedHereRefusedAtOnce(t *testing.T) {
	key, raw := newKey()
	s := &store{key: key}
	a := authn.New(s, &uses{}, authn.Options{})
	_, err := a.Authenticate(t.Context(), raw)
	require.NoError(t, err)
	_, err = a.Authenticate(t.Context(), raw)
	require.NoError(t, err)
	s.key.RevokedAt = webhook.Now()
	_, err = a.Authenticate(t.Context(), raw)
	require.NoError(t, err, "another process has revoked it, and this one has it in its cache")
	a.Invalidate(key)
	_, err = a.Authenticate(t.Context(), raw)
	assert.Same(t, authn.ErrUnauthenticated, err)
}

func TestKeyCreatedAfterItWasRefusedFoundAtOnce(t *testing.T) {
	key, raw := newKey()
	s := &store{}
	a := authn.New(s, &uses{}, authn.Options{})
	_, err := a.Authenticate(t.Context(), raw)
	require.Error(t, err)
	s.key = key
	a.Invalidate(key)
	_, err = a.Authenticate(t.Context(), raw)
	assert.NoError(t, err)
}

// A key is read again after less than a second. Its expiry is exact to the microsecond.
func TestKeyRevokedElsewhereOrExpiredRefusedInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key, raw := newKey()
		key.ExpiresAt = webhook.Now().Add(90 * time.Minute)
		s := &store{key: key}
		a := authn.New(s, &uses{}, authn.Options{})
		use := func() error {
			_, err := a.Authenticate(t.Context(), raw)
			return err
		}
		require.NoError(t, use())
		time.Sleep(90*time.Minute - time.Microsecond)
		require.NoError(t, use())
		time.Sleep(time.Microsecond)
		require.Error(t, use(), "it has expired")
		s.key.ExpiresAt = time.Time{}
		a.Invalidate(key)
		require.NoError(t, use())
		s.key.RevokedAt = webhook.Now()
		time.Sleep(time.Second)
		require.Error(t, use())
	})
}

// A cached value that is older than a newer one is not used again.
func TestKeyRevokedElsewhereStaysRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key, raw := newKey()
		s := &store{key: key}
		a := authn.New(s, &uses{}, authn.Options{})
		_, err := a.Authenticate(t.Context(), raw)
		require.NoError(t, err)
		s.key.RevokedAt = webhook.Now()
		refusedOnce := false
		for range 100 {
			_, err := a.Authenticate(t.Context(), raw)
			if refusedOnce {
				require.Error(t, err)
			}
			refusedOnce = refusedOnce || err != nil
			time.Sleep(10 * time.Millisecond)
		}
		assert.True(t, refusedOnce)
	})
}

// An unknown key that is repeated is looked up once in a cache lifetime.
func TestUnknownKeyRepeatedLookedUpOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, raw := newKey()
		s := &store{}
		a := authn.New(s, &uses{}, authn.Options{})
		for range 100 {
			_, err := a.Authenticate(t.Context(), raw)
			require.Error(t, err)
		}
		assert.Equal(t, 1, s.asked)
		time.Sleep(time.Second)
		_, err := a.Authenticate(t.Context(), raw)
		require.Error(t, err)
		assert.Equal(t, 2, s.asked)
	})
}

func TestManyKeys(t *testing.T) {
	s := &store{}
	a := authn.New(s, &uses{}, authn.Options{})
	for range 10_100 {
		key, raw := newKey()
		s.key = key
		_, err := a.Authenticate(t.Context(), raw)
		require.NoError(t, err)
	}
}

// A key of a deleted organization is refused within a second, and at once by the process that deleted the organization. A restored
// organization's key is accepted again.
func TestKeyOfDeletedOrganizationRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key, raw := newKey()
		s := &store{key: key, organization: webhook.DefaultOrganization(key.OrganizationID)}
		a := authn.New(s, &uses{}, authn.Options{})
		use := func() error {
			_, err := a.Authenticate(t.Context(), raw)
			return err
		}
		require.NoError(t, use())
		require.NoError(t, use())
		s.organization.DeletedAt = webhook.Now()
		a.InvalidateOrganization("org_other")
		require.NoError(t, use(), "another organization was deleted")
		a.InvalidateOrganization(key.OrganizationID)
		require.Same(t, authn.ErrUnauthenticated, use())

		s.organization.DeletedAt = time.Time{}
		a.InvalidateOrganization(key.OrganizationID)
		time.Sleep(time.Second)
		require.NoError(t, use())
		s.organization.DeletedAt = webhook.Now()
		time.Sleep(time.Second)
		require.Same(t, authn.ErrUnauthenticated, use(), "another process has deleted it")
	})
}

func TestOrganizationOfPlatformKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{organization: webhook.DefaultOrganization("org_a")}
		a := authn.New(s, &uses{}, authn.Options{})
		for range 100 {
			found, err := a.Organization(t.Context(), "org_a")
			require.NoError(t, err)
			require.Equal(t, s.organization, found)
		}
		assert.Equal(t, 1, s.askedOrganizations, "it is cached")
		for _, id := range []string{"org_b", "", "org a", "\xff"} {
			_, err := a.Organization(t.Context(), id)
			require.Equal(t, webhook.CodeNotFound, webhook.CodeOf(err), "%q", id)
		}
		assert.Equal(t, 2, s.askedOrganizations, "a malformed ID is not looked up")

		s.organization.DeletedAt = webhook.Now()
		a.InvalidateOrganization("org_a")
		_, err := a.Organization(t.Context(), "org_a")
		require.Equal(t, webhook.CodeNotFound, webhook.CodeOf(err))
		s.err = webhook.Unavailable(time.Second, errors.New("connection refused"))
		_, err = a.Organization(t.Context(), "org_c")
		require.Equal(t, webhook.CodeUnavailable, webhook.CodeOf(err))
	})
}
