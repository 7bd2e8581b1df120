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

// store is a store with one key.
type store struct {
	key   webhook.APIKey
	err   error
	asked int
}

func (s *store) FindAPIKeysByHash(_ context.Context, hashes [][sha256.Size]byte) ([]webhook.APIKey, []error) {
	s.asked += len(hashes)
	keys, failures := make([]webhook.APIKey, len(hashes)), make([]error, len(hashes))
	for i, hash := range hashes {
		keys[i], failures[i] = s.key, s.err
		if s.err == nil && hash != s.key.KeyHash {
			keys[i], failures[i] = webhook.APIKey{}, webhook.NotFound("API key", "")
		}
	}
	return keys, failures
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
	assert.Equal(t, key, found)
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
