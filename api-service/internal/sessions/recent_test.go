package sessions

import (
	"context"
	"crypto/sha256"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

// failing is a store that cannot be reached from some time on.
type failing struct {
	Store
	session webhook.ConsoleSession
	away    bool
}

func (f *failing) FindConsoleSession(context.Context, [sha256.Size]byte, time.Time) (store.FoundConsoleSession, error) {
	if f.away {
		return store.FoundConsoleSession{}, webhook.Unavailable(time.Second, nil)
	}
	return store.FoundConsoleSession{Session: f.session, KeyValid: true}, nil
}

func (f *failing) EndConsoleSession(context.Context, string, string, time.Time) (webhook.ConsoleSession, error) {
	return f.session, nil
}

// The operator needs the page that says that the database is unavailable.
func TestFindWithoutDatabase(t *testing.T) {
	operator, operatorToken := webhook.NewOperatorLogin(webhook.Now())
	operator.ActsFor = "acme"
	customer, customerToken := webhook.NewConsoleLogin(webhook.APIKey{ID: "key_1", OrganizationID: "acme"}, webhook.Now())
	for name, c := range map[string]struct {
		session webhook.ConsoleSession
		token   webhook.Secret
		found   bool
	}{"operator": {operator, operatorToken, true}, "customer": {customer, customerToken, false}} {
		f := &failing{session: c.session}
		r := New(f, Options{})
		_, err := r.Find(t.Context(), c.token.Reveal())
		require.NoError(t, err, name)
		f.away = true
		r.found.Invalidate(webhook.HashConsoleToken(c.token)) // as after half a second
		found, err := r.Find(t.Context(), c.token.Reveal())
		if !c.found {
			assert.Equal(t, webhook.CodeUnavailable, webhook.CodeOf(err), name)
			continue
		}
		require.NoError(t, err, name)
		assert.True(t, found.Session.Operator())
		assert.Empty(t, found.Session.ActsFor, "it changes nothing meanwhile")

		f.away, f.session.EndedAt = false, webhook.Now()
		_, err = r.Find(t.Context(), c.token.Reveal())
		require.ErrorIs(t, err, ErrNoSession)
		f.away = true
		r.found.Invalidate(webhook.HashConsoleToken(c.token))
		_, err = r.Find(t.Context(), c.token.Reveal())
		assert.Equal(t, webhook.CodeUnavailable, webhook.CodeOf(err), "an ended session is not remembered")
	}
}

func TestRecentExpires(t *testing.T) {
	session, token := webhook.NewOperatorLogin(webhook.Now())
	hash, now := webhook.HashConsoleToken(token), webhook.Now()
	l := newRecent()
	l.add(hash, session, now)
	_, found := l.get(hash, now.Add(recentFor-time.Second))
	assert.True(t, found)
	_, found = l.get(hash, now.Add(recentFor))
	assert.False(t, found)
}

// A session that was ended here is not used while the database is unavailable.
func TestEndedSessionIsNotRemembered(t *testing.T) {
	session, token := webhook.NewOperatorLogin(webhook.Now())
	f := &failing{session: session}
	r := New(f, Options{})
	_, err := r.Find(t.Context(), token.Reveal())
	require.NoError(t, err)
	require.NoError(t, r.EndOwn(t.Context(), session))
	f.away = true
	_, err = r.Find(t.Context(), token.Reveal())
	assert.Equal(t, webhook.CodeUnavailable, webhook.CodeOf(err))
}

// Sessions that are found again do not remove others.
func TestRecentIsFull(t *testing.T) {
	l, now := newRecent(), webhook.Now()
	var first, last [32]byte
	var session webhook.ConsoleSession
	for i := range maxRecent {
		var token webhook.Secret
		session, token = webhook.NewOperatorLogin(now)
		last = webhook.HashConsoleToken(token)
		if i == 0 {
			first = last
		}
		l.add(last, session, now)
	}
	l.add(last, session, now)
	_, found := l.get(first, now)
	assert.True(t, found)
}
