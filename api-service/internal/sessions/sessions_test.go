package sessions_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/api-service/internal/sessions"
	"redrive/pkg/store"
	"redrive/pkg/store/storetest"
	"redrive/pkg/webhook"
)

const publicURL = "https://hooks.example.com/redrive"

// world is a Registry over a real database.
type world struct {
	*sessions.Registry
	store *store.Store
	key   webhook.APIKey
}

func newWorld(t *testing.T) world {
	t.Helper()
	opened := storetest.NewPostgres(t)
	w := world{Registry: sessions.New(opened, sessions.Options{PublicURL: publicURL}), store: opened}
	w.key = w.newKey(t, "acme", webhook.ScopeReadWrite)
	return w
}

func (w world) newKey(t *testing.T, organization string, scope webhook.Scope) webhook.APIKey {
	t.Helper()
	key, _ := webhook.NewAPIKey(webhook.APIKeySpec{OrganizationID: organization, Name: "n", Scope: scope}, webhook.Now())
	require.NoError(t, w.store.CreateAPIKey(t.Context(), key))
	return key
}

func spec(change ...func(*webhook.ConsoleSessionSpec)) webhook.ConsoleSessionSpec {
	s := webhook.ConsoleSessionSpec{Scope: webhook.ScopeReadWrite, Subject: "ada", LinkLifetime: time.Minute, Lifetime: time.Hour}
	for _, f := range change {
		f(&s)
	}
	return s
}

// link creates a link and returns its session and its token.
func (w world) link(t *testing.T) (webhook.ConsoleSession, string) {
	t.Helper()
	session, url, err := w.CreateLink(t.Context(), w.key, spec())
	require.NoError(t, err)
	token, found := strings.CutPrefix(url, publicURL+"/console/link?token=")
	require.True(t, found, url)
	return session, token
}

func requireReason(t *testing.T, err error, code webhook.Code, reason string) {
	t.Helper()
	var known *webhook.Error
	require.ErrorAs(t, err, &known)
	assert.Equal(t, code, known.Code)
	assert.Equal(t, reason, known.Details[0].Reason)
}

func TestLinkOpensOneSession(t *testing.T) {
	w := newWorld(t)
	created, linkToken := w.link(t)
	_, err := w.Find(t.Context(), linkToken)
	require.ErrorIs(t, err, sessions.ErrNoSession, "the token of a link is not that of a session")
	opened, token, err := w.Open(t.Context(), linkToken)
	require.NoError(t, err)
	assert.Equal(t, created.ID, opened.ID)
	assert.NotEqual(t, linkToken, token)
	found, err := w.Find(t.Context(), token)
	require.NoError(t, err)
	assert.Equal(t, opened, found.Session)
	assert.Equal(t, "acme", found.Organization.ID)
	assert.Equal(t, opened.ID+" (ada)", found.Session.Actor())

	_, _, err = w.Open(t.Context(), linkToken)
	require.ErrorIs(t, err, webhook.ErrLinkUsed)
	for _, unknown := range []string{"", "x", token, webhook.NewConsoleToken().Reveal()} {
		_, _, err = w.Open(t.Context(), unknown)
		require.ErrorIs(t, err, webhook.ErrLinkUnknown)
	}
	withdrawn, linkToken := w.link(t)
	_, err = w.End(t.Context(), "acme", withdrawn.ID)
	require.NoError(t, err)
	_, _, err = w.Open(t.Context(), linkToken)
	require.ErrorIs(t, err, webhook.ErrLinkExpired)
}

func TestLinkOpenedByManyOneWins(t *testing.T) {
	w := newWorld(t)
	_, linkToken := w.link(t)
	var mutex sync.Mutex
	var tokens []string
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			_, token, err := w.Open(t.Context(), linkToken)
			if err != nil {
				assert.ErrorIs(t, err, webhook.ErrLinkUsed)
				return
			}
			mutex.Lock()
			defer mutex.Unlock()
			tokens = append(tokens, token)
		})
	}
	group.Wait()
	require.Len(t, tokens, 1)
	_, err := w.Find(t.Context(), tokens[0])
	require.NoError(t, err)
}

func TestCreateLinkRefusals(t *testing.T) {
	w := newWorld(t)
	reader, own, operator := w.key, w.key, webhook.APIKey{ID: webhook.ByOperator, OrganizationID: "acme", Scope: webhook.ScopeReadWrite}
	reader.Scope = webhook.ScopeRead
	own.ID = webhook.NewID(webhook.KindConsoleSession, webhook.Now()) + " (ada)"
	_, _, err := w.CreateLink(t.Context(), reader, spec())
	requireReason(t, err, webhook.CodeForbidden, "wider_scope")
	_, _, err = w.CreateLink(t.Context(), own, spec())
	requireReason(t, err, webhook.CodeForbidden, "api_key_required")
	_, _, err = w.CreateLink(t.Context(), w.key, spec(func(s *webhook.ConsoleSessionSpec) { s.Path = "/console/o/other/overview" }))
	requireReason(t, err, webhook.CodeInvalid, "invalid_path")
	_, _, err = sessions.New(w.store, sessions.Options{}).CreateLink(t.Context(), w.key, spec())
	requireReason(t, err, webhook.CodeInvalid, "public_url_missing")
	list, err := w.store.ListConsoleSessions(t.Context(), webhook.ConsoleSessionFilter{OrganizationID: "acme"}, webhook.Page{Limit: 10})
	require.NoError(t, err)
	assert.Empty(t, list.Items)

	session, _, err := w.CreateLink(t.Context(), operator, spec())
	require.NoError(t, err)
	assert.Equal(t, []string{"acme", "operator", ""}, []string{session.OrganizationID, session.CreatedBy, session.APIKeyID})
	session, _, err = w.CreateLink(t.Context(), reader, spec(func(s *webhook.ConsoleSessionSpec) { s.Scope = webhook.ScopeRead }))
	require.NoError(t, err)
	assert.Equal(t, []string{"acme", w.key.ID, w.key.ID}, []string{session.OrganizationID, session.CreatedBy, session.APIKeyID})
}

func TestStartWithKeyEndsWithIt(t *testing.T) {
	w := newWorld(t)
	reader := w.newKey(t, "acme", webhook.ScopeRead)
	_, token, err := w.StartWithKey(t.Context(), webhook.Identity{Key: reader})
	require.NoError(t, err)
	elsewhere := sessions.New(w.store, sessions.Options{})
	require.NoError(t, w.store.RevokeAPIKey(t.Context(), reader.ID, false, webhook.Now()))
	_, err = elsewhere.Find(t.Context(), token)
	require.ErrorIs(t, err, sessions.ErrNoSession)
}

func TestOperatorActsForOneOrganizationAtATime(t *testing.T) {
	w := newWorld(t)
	platform := w.newKey(t, "", webhook.ScopePlatform)
	byKey, keyToken, err := w.StartWithKey(t.Context(), webhook.Identity{Key: platform})
	require.NoError(t, err)
	byPassword, passwordToken, err := w.StartAsOperator(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []string{platform.ID, "operator"}, []string{byKey.Actor(), byPassword.Actor()})
	for token, session := range map[string]webhook.ConsoleSession{keyToken: byKey, passwordToken: byPassword} {
		for _, organization := range []string{"acme", "other", ""} {
			require.NoError(t, w.Act(t.Context(), session, organization))
			found, err := w.Find(t.Context(), token)
			require.NoError(t, err)
			assert.Equal(t, organization, found.Session.ActsFor, "at once in the same process")
			assert.Zero(t, found.Organization)
		}
		requireReason(t, w.Act(t.Context(), session, "no such id"), webhook.CodeInvalid, "invalid_organization")
		require.NoError(t, w.EndOwn(t.Context(), session))
		_, err := w.Find(t.Context(), token)
		require.ErrorIs(t, err, sessions.ErrNoSession)
	}
	_, linkToken := w.link(t)
	customer, _, err := w.Open(t.Context(), linkToken)
	require.NoError(t, err)
	requireReason(t, w.Act(t.Context(), customer, "other"), webhook.CodeForbidden, "operator_required")
}

// No token is in an error or in what is printed of a session.
func TestTokensAreNotShown(t *testing.T) {
	w := newWorld(t)
	created, linkToken := w.link(t)
	opened, token, err := w.Open(t.Context(), linkToken)
	require.NoError(t, err)
	_, _, used := w.Open(t.Context(), linkToken)
	require.NoError(t, w.store.Close())
	_, _, failed := w.Open(t.Context(), linkToken)
	_, lost := sessions.New(w.store, sessions.Options{}).Find(t.Context(), token)
	require.Error(t, failed)
	require.Error(t, lost)
	shown := fmt.Sprintf("%v %+v %#v %v %v %v", created, opened, created, used, failed, lost)
	assert.NotContains(t, shown, linkToken)
	assert.NotContains(t, shown, token)
}
