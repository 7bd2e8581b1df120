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

// store knows one key.
type store struct {
	key   webhook.APIKey
	err   error
	asked int
}

func (s *store) FindAPIKeyByHash(_ context.Context, hash [sha256.Size]byte) (webhook.APIKey, error) {
	s.asked++
	if s.err == nil && hash != s.key.KeyHash {
		return webhook.APIKey{}, webhook.NotFound("API key", "")
	}
	return s.key, s.err
}

// uses counts what it is told.
type uses struct{ ids []string }

func (u *uses) Used(key webhook.APIKey, _ time.Time) { u.ids = append(u.ids, key.ID) }

func newKey() (webhook.APIKey, string) {
	key, raw := webhook.NewAPIKey(webhook.APIKeySpec{OrganizationID: "org_a", Name: "test", Scope: webhook.ScopeRead}, webhook.Now())
	return key, raw.Reveal()
}

func TestAKnownKeyIsItsRecord(t *testing.T) {
	key, raw := newKey()
	found, err := authn.New(&store{key: key}, &uses{}).Authenticate(t.Context(), raw)
	require.NoError(t, err)
	assert.Equal(t, key, found)
}

func TestKeysThatAreNotValidAreNotToldApart(t *testing.T) {
	key, raw := newKey()
	_, other := newKey()
	revoked, expired := key, key
	revoked.RevokedAt = webhook.Now()
	expired.ExpiresAt = webhook.Now().Add(-time.Microsecond)
	for name, test := range map[string]struct {
		key webhook.APIKey
		raw string
	}{"unknown": {key, other}, "revoked": {revoked, raw}, "expired": {expired, raw}} {
		found, err := authn.New(&store{key: test.key}, &uses{}).Authenticate(t.Context(), test.raw)
		assert.Same(t, authn.ErrUnauthenticated, err, name)
		assert.Empty(t, found, name)
	}
}

func TestNoiseDoesNotReachTheDatabase(t *testing.T) {
	_, raw := newKey()
	s := &store{}
	for _, noise := range []string{"", "x", raw + "x", raw[:len(raw)-1], "rdk_" + raw, "RDK_" + raw[4:]} {
		_, err := authn.New(s, &uses{}).Authenticate(t.Context(), noise)
		assert.Same(t, authn.ErrUnauthenticated, err)
	}
	assert.Zero(t, s.asked)
}

// A database that is away is not the caller's fault: a 401 would have them replace a key that is good.
func TestADatabaseThatIsAwayIsNotAWrongKey(t *testing.T) {
	_, raw := newKey()
	away := webhook.Unavailable(time.Second, errors.New("connection refused"))
	_, err := authn.New(&store{err: away}, &uses{}).Authenticate(t.Context(), raw)
	assert.Same(t, away, err)
}

func TestEveryUseIsToldAndNoFailure(t *testing.T) {
	key, raw := newKey()
	_, other := newKey()
	u := &uses{}
	a := authn.New(&store{key: key}, u)
	for range 3 {
		_, err := a.Authenticate(t.Context(), raw)
		require.NoError(t, err)
		_, err = a.Authenticate(t.Context(), other)
		require.Error(t, err)
	}
	assert.Equal(t, []string{key.ID, key.ID, key.ID}, u.ids)
}

// A key is known from its first good use to its first bad one.
func TestWhoWasGoodIsKnown(t *testing.T) {
	key, raw := newKey()
	_, other := newKey()
	s := &store{key: key}
	a := authn.New(s, &uses{})
	assert.False(t, a.Knows(raw))
	_, err := a.Authenticate(t.Context(), raw)
	require.NoError(t, err)
	assert.True(t, a.Knows(raw))
	asked := s.asked
	for _, stranger := range []string{other, "", "rdk_x", raw + "x"} {
		_, _ = a.Authenticate(t.Context(), stranger)
		assert.False(t, a.Knows(stranger))
	}
	assert.True(t, a.Knows(raw))
	assert.Equal(t, asked+1, s.asked, "knowing asks nobody")
}

func TestARevokedKeyIsForgottenAtOnce(t *testing.T) {
	key, raw := newKey()
	s := &store{key: key}
	a := authn.New(s, &uses{})
	_, err := a.Authenticate(t.Context(), raw)
	require.NoError(t, err)
	s.key.RevokedAt = webhook.Now()
	_, err = a.Authenticate(t.Context(), raw)
	require.NoError(t, err, "somebody else has revoked it, and this process has not heard of it")
	a.Forget(key)
	assert.False(t, a.Knows(raw))
	_, err = a.Authenticate(t.Context(), raw)
	assert.Same(t, authn.ErrUnauthenticated, err)
	assert.False(t, a.Knows(raw))
}

// A key that is known ceases to be when it expires, and after an hour without a use.
func TestKeysAreNotKnownForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key, raw := newKey()
		key.ExpiresAt = webhook.Now().Add(90 * time.Minute)
		a := authn.New(&store{key: key}, &uses{})
		use := func() error {
			_, err := a.Authenticate(t.Context(), raw)
			return err
		}
		require.NoError(t, use())
		time.Sleep(59 * time.Minute)
		assert.True(t, a.Knows(raw))
		time.Sleep(time.Minute)
		assert.False(t, a.Knows(raw))
		require.NoError(t, use())
		assert.True(t, a.Knows(raw))
		time.Sleep(30 * time.Minute)
		require.Error(t, use(), "it has expired")
		assert.False(t, a.Knows(raw))
	})
}

func TestManyKeys(t *testing.T) {
	s := &store{}
	a := authn.New(s, &uses{})
	var raw string
	for range 10_100 {
		s.key, raw = newKey()
		_, err := a.Authenticate(t.Context(), raw)
		require.NoError(t, err)
	}
	assert.True(t, a.Knows(raw))
}
