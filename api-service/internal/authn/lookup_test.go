package authn_test

import (
	"context"
	"crypto/sha256"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/api-service/internal/authn"
	"redrive/pkg/webhook"
)

// slowStore is a store whose statements take a second.
type slowStore struct {
	mutex      sync.Mutex
	keys       map[[sha256.Size]byte]webhook.APIKey
	statements int
	asked      int
	running    int
	most       int
}

func (s *slowStore) FindIdentities(ctx context.Context, hashes [][sha256.Size]byte) ([]webhook.Identity, []error) {
	s.mutex.Lock()
	s.statements++
	s.asked += len(hashes)
	s.running++
	s.most = max(s.most, s.running)
	s.mutex.Unlock()
	identities, failures := make([]webhook.Identity, len(hashes)), make([]error, len(hashes))
	select {
	case <-time.After(time.Second):
	case <-ctx.Done():
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.running--
	for i, hash := range hashes {
		key, found := s.keys[hash]
		if identities[i].Key = key; !found {
			failures[i] = webhook.NotFound("API key", "")
		}
	}
	return identities, failures
}

func (s *slowStore) FindOrganizations(context.Context, []string) ([]webhook.Organization, []error) {
	panic("no platform key is used")
}

// A flood of well-formed unknown keys does not delay a recently valid key, and delays a new key only briefly.
func TestUnknownKeysManyDelayNoKnownKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		known, rawKnown := newKey()
		fresh, rawFresh := newKey()
		s := &slowStore{keys: map[[sha256.Size]byte]webhook.APIKey{known.KeyHash: known, fresh.KeyHash: fresh}}
		a := authn.New(s, &uses{}, authn.Options{})
		_, err := a.Authenticate(t.Context(), rawKnown)
		require.NoError(t, err)
		time.Sleep(time.Second)

		var group sync.WaitGroup
		const guesses = 2000
		for range guesses {
			_, guess := newKey()
			group.Go(func() {
				_, err := a.Authenticate(t.Context(), guess)
				assert.Same(t, authn.ErrUnauthenticated, err)
			})
		}
		synctest.Wait()
		start := time.Now()
		group.Go(func() {
			_, err := a.Authenticate(t.Context(), rawKnown)
			assert.NoError(t, err)
			assert.Equal(t, time.Second, time.Since(start), "it has a statement of its own")
		})
		_, err = a.Authenticate(t.Context(), rawFresh)
		require.NoError(t, err)
		group.Wait()
		assert.Equal(t, guesses+3, s.asked, "every key is looked up")
		assert.LessOrEqual(t, s.statements, 20, "in few statements")
		assert.Equal(t, 3, s.most, "statements at a time: two for unknown keys and the one of the known key")
		a.Close()
	})
}

// The keys of callers that have timed out are not looked up later.
func TestLookupCanceledCallerIsNotQueried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &slowStore{}
		a := authn.New(s, &uses{}, authn.Options{})
		var group sync.WaitGroup
		for range 1000 {
			_, guess := newKey()
			group.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second/2)
				defer cancel()
				_, err := a.Authenticate(ctx, guess)
				assert.ErrorIs(t, err, context.DeadlineExceeded)
			})
		}
		group.Wait()
		a.Close()
		assert.LessOrEqual(t, s.asked, 400, "two statements")
	})
}
