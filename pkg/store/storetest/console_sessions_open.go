package storetest

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

func testConsoleLinksThatFail(t *testing.T, s *store.Store) {
	_, _, err := openLink(t, s, consoleLink(keep(t, s, org, webhook.ScopeReadWrite), start), start)
	require.ErrorIs(t, err, webhook.ErrLinkUnknown, "it was not created")
	for name, c := range map[string]struct {
		prepare func(key webhook.APIKey, session webhook.ConsoleSession)
		at      time.Time
		want    error
	}{
		"used": {func(_ webhook.APIKey, session webhook.ConsoleSession) {
			_, _, err := openLink(t, s, session, start)
			require.NoError(t, err)
		}, start, webhook.ErrLinkUsed},
		"expired": {func(webhook.APIKey, webhook.ConsoleSession) {}, start.Add(10 * time.Minute), webhook.ErrLinkExpired},
		"ended": {func(_ webhook.APIKey, session webhook.ConsoleSession) {
			_, err := s.EndConsoleSession(t.Context(), org, session.ID, start)
			require.NoError(t, err)
		}, start, webhook.ErrLinkExpired},
		"key revoked": {func(key webhook.APIKey, _ webhook.ConsoleSession) {
			require.NoError(t, s.RevokeAPIKey(t.Context(), key.ID, false, start))
		}, start, webhook.ErrLinkExpired},
	} {
		key := keep(t, s, org, webhook.ScopeReadWrite)
		session := newLink(t, s, key)
		c.prepare(key, session)
		before, err := s.FindConsoleSessionOf(t.Context(), org, session.ID)
		require.NoError(t, err)
		_, token, err := openLink(t, s, session, c.at)
		require.ErrorIs(t, err, c.want, name)
		after, err := s.FindConsoleSessionOf(t.Context(), org, session.ID)
		require.NoError(t, err)
		assert.Equal(t, before, after, name)
		_, err = s.FindConsoleSession(t.Context(), webhook.HashConsoleToken(token), start)
		requireNotFound(t, err)
	}
	last := newLink(t, s, keep(t, s, org, webhook.ScopeReadWrite))
	_, _, err = openLink(t, s, last, last.LinkExpiresAt.Add(-time.Microsecond))
	require.NoError(t, err, "the last moment of a link")
}

// testConsoleOneOpener has many callers open one link. One of them gets a session.
func testConsoleOneOpener(t *testing.T, s *store.Store) {
	session := newLink(t, s, keep(t, s, org, webhook.ScopeReadWrite))
	var winners atomic.Int32
	var tokens sync.Map
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			_, token, err := openLink(t, s, session, start)
			if err == nil {
				winners.Add(1)
				tokens.Store(token, true)
				return
			}
			assert.ErrorIs(t, err, webhook.ErrLinkUsed)
			tokens.Store(token, false)
		})
	}
	group.Wait()
	assert.EqualValues(t, 1, winners.Load())
	tokens.Range(func(token, won any) bool {
		_, err := s.FindConsoleSession(t.Context(), webhook.HashConsoleToken(token.(webhook.Secret)), start)
		assert.Equal(t, won, err == nil, "only the token of the winner works: %v", err)
		return true
	})
}

// testConsoleEndWhileOpening ends sessions while they are opened. Whoever comes first, no session is live afterwards.
func testConsoleEndWhileOpening(t *testing.T, s *store.Store) {
	key := keep(t, s, org, webhook.ScopeReadWrite)
	for range 10 {
		session := newLink(t, s, key)
		var token webhook.Secret
		var opening error
		var group sync.WaitGroup
		group.Go(func() { _, token, opening = openLink(t, s, session, start) })
		group.Go(func() {
			_, err := s.EndConsoleSession(t.Context(), org, session.ID, start)
			assert.NoError(t, err)
		})
		group.Wait()
		ended, err := s.FindConsoleSessionOf(t.Context(), org, session.ID)
		require.NoError(t, err)
		assert.Equal(t, start, ended.EndedAt)
		assert.False(t, ended.Live(start))
		if opening != nil {
			assert.ErrorIs(t, opening, webhook.ErrLinkExpired)
			continue
		}
		found, err := s.FindConsoleSession(t.Context(), webhook.HashConsoleToken(token), start)
		require.NoError(t, err)
		assert.False(t, found.Valid(start))
	}
}
