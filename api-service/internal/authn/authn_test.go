package authn_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"testing"
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

func newKey() (webhook.APIKey, string) {
	key, raw := webhook.NewAPIKey(webhook.APIKeySpec{OrganizationID: "org_a", Name: "test", Scope: webhook.ScopeRead}, webhook.Now())
	return key, raw.Reveal()
}

func TestAKnownKeyIsItsRecord(t *testing.T) {
	key, raw := newKey()
	found, err := authn.New(&store{key: key}).Authenticate(t.Context(), raw)
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
		found, err := authn.New(&store{key: test.key}).Authenticate(t.Context(), test.raw)
		assert.Same(t, authn.ErrUnauthenticated, err, name)
		assert.Empty(t, found, name)
	}
}

func TestNoiseDoesNotReachTheDatabase(t *testing.T) {
	_, raw := newKey()
	s := &store{}
	for _, noise := range []string{"", "x", raw + "x", raw[:len(raw)-1], "rdk_" + raw, "RDK_" + raw[4:]} {
		_, err := authn.New(s).Authenticate(t.Context(), noise)
		assert.Same(t, authn.ErrUnauthenticated, err)
	}
	assert.Zero(t, s.asked)
}

// A database that is away is not the caller's fault: a 401 would have them replace a key that is good.
func TestADatabaseThatIsAwayIsNotAWrongKey(t *testing.T) {
	_, raw := newKey()
	away := webhook.Unavailable(time.Second, errors.New("connection refused"))
	_, err := authn.New(&store{err: away}).Authenticate(t.Context(), raw)
	assert.Same(t, away, err)
}
