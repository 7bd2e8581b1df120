package storetest

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

func testConsoleEnd(t *testing.T, s *store.Store) {
	session := newLink(t, s, keep(t, s, org, webhook.ScopeReadWrite))
	opened, _, err := openLink(t, s, session, start)
	require.NoError(t, err)
	_, err = s.EndConsoleSession(t.Context(), other, session.ID, start)
	requireNotFound(t, err)
	opened.EndedAt = start.Add(time.Minute)
	for _, at := range []time.Time{opened.EndedAt, start.Add(2 * time.Minute)} {
		ended, err := s.EndConsoleSession(t.Context(), org, session.ID, at)
		require.NoError(t, err)
		assert.Equal(t, opened, ended, "the first end counts")
	}
	expired := newLink(t, s, keep(t, s, org, webhook.ScopeReadWrite))
	ended, err := s.EndConsoleSession(t.Context(), org, expired.ID, expired.ExpiresAt)
	require.NoError(t, err)
	assert.Equal(t, stored(expired), ended, "it had expired")
}

func testConsoleLists(t *testing.T, s *store.Store) {
	key := keep(t, s, org, webhook.ScopeReadWrite)
	sessions := []webhook.ConsoleSession{
		stored(newLink(t, s, key)), stored(newLink(t, s, key, func(spec *webhook.ConsoleSessionSpec) { spec.Subject = "bob" })), stored(newLink(t, s, key)),
	}
	newLink(t, s, keep(t, s, other, webhook.ScopeReadWrite))
	slices.SortFunc(sessions, func(a, b webhook.ConsoleSession) int { return strings.Compare(b.ID, a.ID) })
	all := webhook.ConsoleSessionFilter{OrganizationID: org}
	first, err := s.ListConsoleSessions(t.Context(), all, webhook.Page{Limit: 2})
	require.NoError(t, err)
	assert.Equal(t, sessions[:2], first.Items, "newest first")
	rest, err := s.ListConsoleSessions(t.Context(), all, webhook.Page{Limit: 2, After: first.Next})
	require.NoError(t, err)
	assert.Equal(t, sessions[2:], rest.Items)
	assert.False(t, rest.HasMore)
	of := func(subject string) (found []string) {
		list, err := s.ListConsoleSessions(t.Context(), webhook.ConsoleSessionFilter{OrganizationID: org, Subject: subject}, webhook.Page{Limit: 10})
		require.NoError(t, err)
		for _, session := range list.Items {
			found = append(found, session.Subject)
		}
		return found
	}
	assert.Equal(t, []string{"bob"}, of("bob"))
	assert.Equal(t, []string{"ada@example.com", "ada@example.com"}, of("ada@example.com"))
	assert.Empty(t, of("ada"), "a subject is compared as a whole")

	_, err = s.FindConsoleSessionOf(t.Context(), other, sessions[0].ID)
	requireNotFound(t, err)
	found, err := s.FindOwner(t.Context(), sessions[0].ID)
	require.NoError(t, err)
	assert.Equal(t, &webhook.Resource{Kind: webhook.KindConsoleSession, ID: sessions[0].ID, OrganizationID: org}, found)
	assert.Equal(t, "console_session", found.Type())
}

func testConsoleOperator(t *testing.T, s *store.Store) {
	session, token := webhook.NewOperatorLogin(start)
	require.NoError(t, s.CreateConsoleSession(t.Context(), session))
	actsFor := func() string {
		found, err := s.FindConsoleSession(t.Context(), webhook.HashConsoleToken(token), start)
		require.NoError(t, err)
		return found.Session.ActsFor
	}
	assert.Empty(t, actsFor())
	for _, organization := range []string{org, other, ""} {
		require.NoError(t, s.SetConsoleSessionActsFor(t.Context(), session.ID, organization))
		assert.Equal(t, organization, actsFor())
	}
	customer := newLink(t, s, keep(t, s, org, webhook.ScopeReadWrite))
	requireNotFound(t, s.SetConsoleSessionActsFor(t.Context(), customer.ID, other))
	ended, err := s.EndConsoleSession(t.Context(), "", session.ID, start)
	require.NoError(t, err)
	assert.Equal(t, start, ended.EndedAt)
	requireNotFound(t, s.SetConsoleSessionActsFor(t.Context(), session.ID, org))
}

func testConsolePurge(t *testing.T, s *store.Store) {
	key := keep(t, s, org, webhook.ScopeReadWrite)
	ended, unopened, lasting := newLink(t, s, key), newLink(t, s, key), newLink(t, s, key, func(spec *webhook.ConsoleSessionSpec) { spec.Lifetime = 2 * time.Hour })
	_, err := s.EndConsoleSession(t.Context(), org, ended.ID, start.Add(time.Minute))
	require.NoError(t, err)
	for _, c := range []struct {
		before time.Time
		limit  int
		purged int64
	}{
		{start.Add(time.Minute), 10, 0},
		{start.Add(time.Minute + time.Microsecond), 10, 1},
		{unopened.ExpiresAt, 10, 0},
		{unopened.ExpiresAt.Add(time.Microsecond), 10, 1},
		{lasting.ExpiresAt.Add(time.Hour), 0, 0},
	} {
		purged, err := s.PurgeConsoleSessions(t.Context(), c.before, c.limit)
		require.NoError(t, err)
		assert.Equal(t, c.purged, purged, c.before)
	}
	list, err := s.ListConsoleSessions(t.Context(), webhook.ConsoleSessionFilter{OrganizationID: org}, webhook.Page{Limit: 10})
	require.NoError(t, err)
	assert.Equal(t, []webhook.ConsoleSession{stored(lasting)}, list.Items)
}

// testChangesBySession lists the changes of a session by its ID alone, whatever its subject has in it.
func testChangesBySession(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	now := start
	change := func(actor string) {
		now = now.Add(time.Second)
		_, err := s.ChangeEndpoint(w.ctx, org, w.endpoint.ID, webhook.EndpointChange{Kind: webhook.ChangeUpdated, By: actor, At: now, Apply: func(e *webhook.Endpoint) error {
			e.Description += "x"
			return nil
		}})
		require.NoError(t, err)
	}
	session := webhook.ConsoleSession{ID: webhook.NewID(webhook.KindConsoleSession, start), ByLink: true, Subject: "100% _ada (Analytical) \\"}
	bare := webhook.ConsoleSession{ID: webhook.NewID(webhook.KindConsoleSession, start), ByLink: true}
	change(session.Actor())
	change(bare.Actor())
	change("operator")
	change(session.Actor())
	for by, want := range map[string]int{session.ID: 2, session.Actor(): 2, bare.ID: 1, "operator": 1, session.ID[:20]: 0} {
		changes := w.changes(webhook.ChangeFilter{By: by})
		assert.Len(t, changes, want, by)
	}
	assert.Equal(t, session.Actor(), w.changes(webhook.ChangeFilter{By: session.ID})[0].By)
}
