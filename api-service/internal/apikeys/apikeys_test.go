package apikeys_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/api-service/internal/apikeys"
	stored "redrive/pkg/store"
	"redrive/pkg/webhook"
)

// store records its arguments.
type store struct {
	created      []webhook.APIKey
	organization string
	revoked      string
	revocation   stored.Revocation
	err          error
}

func (s *store) IssueAPIKey(_ context.Context, key webhook.APIKey) error {
	s.created = append(s.created, key)
	return s.err
}

func (s *store) RevokeAPIKeyOf(_ context.Context, organizationID, id string, r stored.Revocation, now time.Time) (webhook.APIKey, error) {
	s.organization, s.revoked, s.revocation = organizationID, id, r
	return webhook.APIKey{ID: id, RevokedAt: now}, s.err
}

var writer = webhook.APIKey{ID: "key_maker", OrganizationID: "org_a", Scope: webhook.ScopeReadWrite}

func TestCreateStoresOnlyHash(t *testing.T) {
	s := &store{}
	ends := webhook.Now().Add(time.Hour)
	key, raw, err := apikeys.New(s).Create(t.Context(), writer, apikeys.Request{Name: "ci", Description: "d", Scope: webhook.ScopeReadWrite, ExpiresAt: ends})
	require.NoError(t, err)
	created := key
	created.Raw = raw // for the sealed record of a call with an idempotency key
	assert.Equal(t, []webhook.APIKey{created}, s.created)
	assert.Equal(t, webhook.HashAPIKey(raw.Reveal()), key.KeyHash)
	assert.True(t, webhook.CheckRawKey(raw.Reveal()))
	assert.Equal(t, "org_a", key.OrganizationID)
	assert.Equal(t, "key_maker", key.CreatedBy)
	assert.Equal(t, ends, key.ExpiresAt)
	assert.Zero(t, key.RevokedAt)
}

func TestCreateInvalidReportsAllProblems(t *testing.T) {
	s := &store{}
	_, _, err := apikeys.New(s).Create(t.Context(), writer, apikeys.Request{Scope: "admin", Description: "\x00", ExpiresAt: webhook.Now()})
	var refused *webhook.Error
	require.ErrorAs(t, err, &refused)
	var said []string
	for _, detail := range refused.Details {
		said = append(said, detail.Field+" "+detail.Reason)
	}
	assert.Equal(t, []string{"name required", "description invalid_text", "scope invalid_scope", "expiresAt out_of_range"}, said)
	assert.Empty(t, s.created)
}

func TestCreateWiderScopeRefused(t *testing.T) {
	reader := writer
	reader.Scope = webhook.ScopeRead
	for name, test := range map[string]struct {
		by      webhook.APIKey
		scope   webhook.Scope
		allowed bool
	}{
		"a writer makes a writer": {writer, webhook.ScopeReadWrite, true},
		"a writer makes a reader": {writer, webhook.ScopeRead, true},
		"a reader makes a reader": {reader, webhook.ScopeRead, true},
		"a reader makes a writer": {reader, webhook.ScopeReadWrite, false},
	} {
		s := &store{}
		_, _, err := apikeys.New(s).Create(t.Context(), test.by, apikeys.Request{Name: "n", Scope: test.scope})
		if test.allowed {
			assert.NoError(t, err, name)
			continue
		}
		assert.Equal(t, webhook.CodeForbidden, webhook.CodeOf(err), name)
		assert.ErrorContains(t, err, "wider_scope", name)
		assert.Empty(t, s.created, name)
	}
}

func TestCreateLaterExpiryRefused(t *testing.T) {
	maker := writer
	maker.ExpiresAt = webhook.Now().Add(time.Hour)
	for name, test := range map[string]struct {
		ends    time.Time
		allowed bool
	}{
		"earlier":              {maker.ExpiresAt.Add(-time.Microsecond), true},
		"at the same moment":   {maker.ExpiresAt, true},
		"a microsecond longer": {maker.ExpiresAt.Add(time.Microsecond), false},
		"for ever":             {time.Time{}, false},
	} {
		s := &store{}
		_, _, err := apikeys.New(s).Create(t.Context(), maker, apikeys.Request{Name: "n", Scope: webhook.ScopeRead, ExpiresAt: test.ends})
		if test.allowed {
			assert.NoError(t, err, name)
			continue
		}
		assert.Equal(t, webhook.CodeInvalid, webhook.CodeOf(err), name)
		assert.ErrorContains(t, err, "outlives_its_maker", name)
		assert.ErrorContains(t, err, webhook.FormatTime(maker.ExpiresAt), name)
		assert.Empty(t, s.created, name)
	}
}

func TestRevokeOtherOrganizationNotFound(t *testing.T) {
	s := &store{}
	key, err := apikeys.New(s).Revoke(t.Context(), writer, "key_x", false)
	require.NoError(t, err)
	assert.Equal(t, []string{"org_a", "key_x", "key_x"}, []string{s.organization, s.revoked, key.ID})
	assert.WithinDuration(t, time.Now(), key.RevokedAt, time.Minute)
}

func TestRevokeLastKeyByPlatformKeyAllowed(t *testing.T) {
	s := &store{}
	_, err := apikeys.New(s).Revoke(t.Context(), writer, "key_x", true)
	require.NoError(t, err)
	assert.Equal(t, stored.Revocation{Descendants: true}, s.revocation)

	key, _ := webhook.NewAPIKey(webhook.APIKeySpec{Name: "platform", Scope: webhook.ScopePlatform}, webhook.Now())
	acting := webhook.Identity{Key: key}.ActsFor(webhook.DefaultOrganization("org_a")).Key
	_, err = apikeys.New(s).Revoke(t.Context(), acting, "key_x", false)
	require.NoError(t, err)
	assert.Equal(t, stored.Revocation{Last: true}, s.revocation)
	assert.Equal(t, "org_a", s.organization)
}

func TestCreateDatabaseErrorReturnsNoKey(t *testing.T) {
	unavailable := errors.New("unavailable")
	_, raw, err := apikeys.New(&store{err: unavailable}).Create(t.Context(), writer, apikeys.Request{Name: "n", Scope: webhook.ScopeRead})
	require.ErrorIs(t, err, unavailable)
	assert.Empty(t, raw)
	_, err = apikeys.New(&store{err: unavailable}).Revoke(t.Context(), writer, "key_x", false)
	assert.ErrorIs(t, err, unavailable)
}
