package storetest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

// consoleLink returns a session by link that is bound to the key.
func consoleLink(key webhook.APIKey, now time.Time, change ...func(*webhook.ConsoleSessionSpec)) webhook.ConsoleSession {
	spec := webhook.ConsoleSessionSpec{
		OrganizationID: key.OrganizationID, Scope: webhook.ScopeReadWrite, Subject: "ada@example.com",
		Path: webhook.ConsolePath(key.OrganizationID) + "deliveries?status=failure", LinkLifetime: 10 * time.Minute, Lifetime: time.Hour,
		APIKeyID: key.ID, CreatedBy: key.ID,
	}
	for _, f := range change {
		f(&spec)
	}
	return webhook.NewConsoleLink(spec, now)
}

// newLink creates a session by link.
func newLink(t *testing.T, s *store.Store, key webhook.APIKey, change ...func(*webhook.ConsoleSessionSpec)) webhook.ConsoleSession {
	t.Helper()
	session := consoleLink(key, start, change...)
	require.NoError(t, s.CreateConsoleSession(t.Context(), session))
	return session
}

// openLink opens the link of a session, and returns the session and its token.
func openLink(t *testing.T, s *store.Store, session webhook.ConsoleSession, now time.Time) (webhook.ConsoleSession, webhook.Secret, error) {
	t.Helper()
	token := webhook.NewConsoleToken()
	opened, err := s.OpenConsoleSession(t.Context(), session.LinkHash, webhook.HashConsoleToken(token), now)
	return opened, token, err
}

// stored returns the session as the store returns it, without what is not stored.
func stored(session webhook.ConsoleSession) webhook.ConsoleSession {
	session.Link = ""
	return session
}

func testConsoleLink(t *testing.T, s *store.Store) {
	key := keep(t, s, org, webhook.ScopeReadWrite)
	session := newLink(t, s, key)
	found, err := s.FindConsoleSessionOf(t.Context(), org, session.ID)
	require.NoError(t, err)
	assert.Equal(t, stored(session), found)
	assert.False(t, found.Live(start), "it was not opened")
	assert.Equal(t, start.Add(10*time.Minute+time.Hour), found.ExpiresAt, "the latest possible")

	now := start.Add(time.Minute)
	opened, token, err := openLink(t, s, session, now)
	require.NoError(t, err)
	want := stored(session)
	want.OpenedAt, want.ExpiresAt, want.TokenHash = now, now.Add(time.Hour), webhook.HashConsoleToken(token)
	assert.Equal(t, want, opened)
	assert.True(t, opened.Live(now))

	byToken, err := s.FindConsoleSession(t.Context(), webhook.HashConsoleToken(token), now)
	require.NoError(t, err)
	assert.Equal(t, store.FoundConsoleSession{Session: want, Organization: webhook.Organization{
		ID: org, Name: org, Limits: webhook.DefaultOrganizationLimits,
	}, KeyValid: true}, byToken)
	_, err = s.FindConsoleSession(t.Context(), session.LinkHash, now)
	requireNotFound(t, err)
}

func testConsoleLogins(t *testing.T, s *store.Store) {
	key := keep(t, s, org, webhook.ScopeRead)
	byKey, token := webhook.NewConsoleLogin(key, start)
	require.NoError(t, s.CreateConsoleSession(t.Context(), byKey))
	found, err := s.FindConsoleSession(t.Context(), webhook.HashConsoleToken(token), start)
	require.NoError(t, err)
	assert.Equal(t, byKey, found.Session)
	assert.True(t, found.Valid(start))
	assert.False(t, found.Valid(start.Add(webhook.LoginLifetime)))

	operator, token := webhook.NewOperatorLogin(start)
	require.NoError(t, s.CreateConsoleSession(t.Context(), operator))
	found, err = s.FindConsoleSession(t.Context(), webhook.HashConsoleToken(token), start)
	require.NoError(t, err)
	assert.Equal(t, store.FoundConsoleSession{Session: operator, KeyValid: true}, found)

	// Sessions without a link have no hash of one, and that is no hash either.
	_, err = s.OpenConsoleSession(t.Context(), [32]byte{}, webhook.HashConsoleToken(webhook.NewConsoleToken()), start)
	require.ErrorIs(t, err, webhook.ErrLinkUnknown)
	_, err = s.FindConsoleSession(t.Context(), [32]byte{}, start)
	requireNotFound(t, err)
}

// testConsoleValidity makes a session that is found, and valid only with its key and its organization.
func testConsoleValidity(t *testing.T, s *store.Store) {
	for name, spoil := range map[string]func(key webhook.APIKey){
		"key revoked": func(key webhook.APIKey) {
			require.NoError(t, s.RevokeAPIKey(t.Context(), key.ID, false, start))
		},
		"organization deleted": func(key webhook.APIKey) {
			_, err := s.DeleteOrganization(t.Context(), key.OrganizationID, start, start.Add(time.Hour))
			require.NoError(t, err)
		},
	} {
		key := keep(t, s, "org-"+name[:3], webhook.ScopeReadWrite)
		_, token, err := openLink(t, s, newLink(t, s, key), start)
		require.NoError(t, err)
		find := func(now time.Time) store.FoundConsoleSession {
			found, err := s.FindConsoleSession(t.Context(), webhook.HashConsoleToken(token), now)
			require.NoError(t, err)
			return found
		}
		assert.True(t, find(start).Valid(start), name)
		spoil(key)
		assert.False(t, find(start).Valid(start), name)
	}

	expiring := keep(t, s, org, webhook.ScopeReadWrite, func(k *webhook.APIKey) { k.ExpiresAt = start.Add(time.Minute) })
	opened, token, err := openLink(t, s, newLink(t, s, expiring), start)
	require.NoError(t, err)
	for at, valid := range map[time.Time]bool{start: true, start.Add(time.Minute): false} {
		found, err := s.FindConsoleSession(t.Context(), webhook.HashConsoleToken(token), at)
		require.NoError(t, err)
		assert.Equal(t, opened, found.Session)
		assert.Equal(t, valid, found.Valid(at), "its key expires")
	}
}
