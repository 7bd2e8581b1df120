package webhook_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/webhook"
)

var consoleNow = time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)

func linkSpec(change ...func(*webhook.ConsoleSessionSpec)) webhook.ConsoleSessionSpec {
	spec := webhook.ConsoleSessionSpec{
		OrganizationID: "acme", Scope: webhook.ScopeRead, LinkLifetime: webhook.DefaultLinkLifetime, Lifetime: webhook.DefaultSessionLifetime, APIKeyID: "key_1", CreatedBy: "key_1",
	}
	for _, f := range change {
		f(&spec)
	}
	return spec
}

func TestConsoleSessionSpecRefusals(t *testing.T) {
	require.NoError(t, linkSpec().Check())
	for name, c := range map[string]struct {
		change        func(*webhook.ConsoleSessionSpec)
		reason, field string
	}{
		"no organization":       {func(s *webhook.ConsoleSessionSpec) { s.OrganizationID = "" }, "invalid_organization", "organizationId"},
		"no scope":              {func(s *webhook.ConsoleSessionSpec) { s.Scope = "" }, "invalid_scope", "scope"},
		"scope of the operator": {func(s *webhook.ConsoleSessionSpec) { s.Scope = webhook.ScopePlatform }, "invalid_scope", "scope"},
		"long subject":          {func(s *webhook.ConsoleSessionSpec) { s.Subject = strings.Repeat("é", 129) }, "too_long", "subject"},
		"control character":     {func(s *webhook.ConsoleSessionSpec) { s.Subject = "a\nb" }, "invalid_text", "subject"},
		"short link":            {func(s *webhook.ConsoleSessionSpec) { s.LinkLifetime = 0 }, "out_of_range", "linkExpiresInSeconds"},
		"long link":             {func(s *webhook.ConsoleSessionSpec) { s.LinkLifetime = webhook.MaxLinkLifetime + time.Second }, "out_of_range", "linkExpiresInSeconds"},
		"short session":         {func(s *webhook.ConsoleSessionSpec) { s.Lifetime = 0 }, "out_of_range", "sessionExpiresInMinutes"},
		"long session":          {func(s *webhook.ConsoleSessionSpec) { s.Lifetime = webhook.MaxSessionLifetime + time.Minute }, "out_of_range", "sessionExpiresInMinutes"},
		"long path":             {func(s *webhook.ConsoleSessionSpec) { s.Path = "/console/o/acme/" + strings.Repeat("a", 1985) }, "too_long", "path"},
	} {
		err := linkSpec(c.change).Check()
		var known *webhook.Error
		require.ErrorAs(t, err, &known, name)
		assert.Equal(t, []string{c.reason, c.field}, []string{known.Details[0].Reason, known.Details[0].Field}, name)
	}
	for name, change := range map[string]func(*webhook.ConsoleSessionSpec){
		"longest subject": func(s *webhook.ConsoleSessionSpec) { s.Subject = strings.Repeat("é", 128) },
		"longest times": func(s *webhook.ConsoleSessionSpec) {
			s.LinkLifetime, s.Lifetime = webhook.MaxLinkLifetime, webhook.MaxSessionLifetime
		},
		"shortest times": func(s *webhook.ConsoleSessionSpec) { s.LinkLifetime, s.Lifetime = time.Second, time.Minute },
		"longest path":   func(s *webhook.ConsoleSessionSpec) { s.Path = "/console/o/acme/" + strings.Repeat("a", 1984) },
	} {
		assert.NoError(t, linkSpec(change).Check(), name)
	}
}

func TestConsoleSessionPathStaysInOrganization(t *testing.T) {
	for _, path := range []string{
		"", "/console/o/acme/", "/console/o/acme/overview", "/console/o/acme/deliveries/dlv_1", "/console/o/acme/deliveries?status=failure&q=https%3A%2F%2Fa",
		"/console/o/acme/deliveries?q=..//", "/console/o/acme/endpoints/a%20b",
	} {
		assert.NoError(t, linkSpec(func(s *webhook.ConsoleSessionSpec) { s.Path = path }).Check(), path)
	}
	for _, path := range []string{
		"/", "/console", "/console/operator", "/console/o/acme", "/console/o/acme2/overview", "/console/o/other/overview", "console/o/acme/overview",
		"https://evil.example/console/o/acme/", "//evil.example/console/o/acme/", `/\evil.example/`, `/console/o/acme/\..\b`, `/console/o/acme/a\b`,
		"/console/o/acme/../other/overview", "/console/o/acme/./overview", "/console/o/acme/%2e%2e/other", "/console/o/acme/%2E./other", "/console/o/acme/..",
		"/console/o/acme/.%2e?a=b", "/console/o/acme//evil", "/console/o/acme/%2f%2fevil", "/console/o/acme/a%5cb", "/console/o/acme/a%0ab", "/console/o/acme/%",
		"/console/o/acme/a\nb", "/console/o/acme/a b", "/console/o/acme/ä", "/console/o/acme/a#b", "/console/o/acme/a?b=%zz", "/console/o/acme/a?b;c",
		"/Console/o/acme/overview", "javascript:alert(1)", "/console/o/acme/\x7f",
	} {
		err := linkSpec(func(s *webhook.ConsoleSessionSpec) { s.Path = path }).Check()
		var known *webhook.Error
		require.ErrorAs(t, err, &known, path)
		assert.Equal(t, "invalid_path", known.Details[0].Reason, path)
	}
	dots := linkSpec(func(s *webhook.ConsoleSessionSpec) { s.OrganizationID, s.Path = "a..b", "/console/o/a..b/overview" })
	assert.NoError(t, dots.Check(), "an id may have dots")
}

func TestConsoleSessionActor(t *testing.T) {
	by := func(f func(*webhook.ConsoleSession)) string {
		s := webhook.ConsoleSession{ID: "ses_1", APIKeyID: "key_1"}
		f(&s)
		return s.Actor()
	}
	assert.Equal(t, "ses_1 (ada)", by(func(s *webhook.ConsoleSession) { s.ByLink, s.Subject = true, "ada" }))
	assert.Equal(t, "ses_1", by(func(s *webhook.ConsoleSession) { s.ByLink = true }))
	assert.Equal(t, "key_1", by(func(*webhook.ConsoleSession) {}))
	assert.Equal(t, "operator", by(func(s *webhook.ConsoleSession) { s.APIKeyID = "" }))
}

func TestConsoleSessionLive(t *testing.T) {
	s := webhook.NewConsoleLink(linkSpec(), consoleNow)
	assert.False(t, s.Live(consoleNow), "not opened")
	s.OpenedAt, s.ExpiresAt = consoleNow, consoleNow.Add(s.Lifetime)
	assert.True(t, s.Live(consoleNow))
	assert.True(t, s.Live(s.ExpiresAt.Add(-1)))
	assert.False(t, s.Live(s.ExpiresAt))
	s.EndedAt = consoleNow
	assert.False(t, s.Live(consoleNow))
}

func TestNewConsoleLinkExpiresAtTheLatest(t *testing.T) {
	s := webhook.NewConsoleLink(linkSpec(), consoleNow)
	assert.Equal(t, consoleNow.Add(10*time.Minute), s.LinkExpiresAt)
	assert.Equal(t, consoleNow.Add(70*time.Minute), s.ExpiresAt)
	assert.Equal(t, webhook.HashConsoleToken(s.Link), s.LinkHash)
	assert.Zero(t, s.TokenHash)
	assert.False(t, s.Operator())
}

func TestNewConsoleLoginHasRightsOfItsKey(t *testing.T) {
	key, _ := webhook.NewAPIKey(webhook.APIKeySpec{OrganizationID: "acme", Name: "n", Scope: webhook.ScopeRead}, consoleNow)
	s, token := webhook.NewConsoleLogin(key, consoleNow)
	assert.Equal(t, []any{"acme", webhook.ScopeRead, key.ID, false, webhook.HashConsoleToken(token)}, []any{s.OrganizationID, s.Scope, s.APIKeyID, s.ByLink, s.TokenHash})
	assert.Equal(t, consoleNow.Add(12*time.Hour), s.ExpiresAt)
	assert.True(t, s.Live(consoleNow))
	assert.False(t, s.Operator())

	key.ExpiresAt = consoleNow.Add(time.Hour)
	s, _ = webhook.NewConsoleLogin(key, consoleNow)
	assert.Equal(t, key.ExpiresAt, s.ExpiresAt, "it does not outlive its key")

	platform, _ := webhook.NewAPIKey(webhook.APIKeySpec{Name: "n", Scope: webhook.ScopePlatform}, consoleNow)
	acting := webhook.Identity{Key: platform}.ActsFor(webhook.DefaultOrganization("acme")).Key
	s, _ = webhook.NewConsoleLogin(acting, consoleNow)
	assert.Equal(t, []any{"", webhook.ScopePlatform, platform.ID, true}, []any{s.OrganizationID, s.Scope, s.APIKeyID, s.Operator()})
}

func TestNewOperatorLoginHasNoKey(t *testing.T) {
	s, token := webhook.NewOperatorLogin(consoleNow)
	assert.Equal(t, []any{"", webhook.ScopePlatform, "", "operator"}, []any{s.OrganizationID, s.Scope, s.APIKeyID, s.CreatedBy})
	assert.Equal(t, webhook.HashConsoleToken(token), s.TokenHash)
}

func TestConsoleTokenForm(t *testing.T) {
	a, b := webhook.NewConsoleToken(), webhook.NewConsoleToken()
	assert.NotEqual(t, a, b)
	assert.True(t, webhook.CheckConsoleToken(a.Reveal()))
	assert.Len(t, a.Reveal(), 43)
	for _, text := range []string{"", "x", a.Reveal() + "A", a.Reveal()[1:], a.Reveal() + "\n", a.Reveal()[:42] + "=", a.Reveal()[:42] + "+", strings.Repeat("z", 43)} {
		assert.False(t, webhook.CheckConsoleToken(text), "%q", text)
	}
}

func TestParseConsoleSubject(t *testing.T) {
	subject, err := webhook.ParseConsoleSubject("subject", "ada")
	require.NoError(t, err)
	assert.Equal(t, "ada", subject)
	for text, reason := range map[string]string{"": "required", "a\x00": "invalid_text", strings.Repeat("a", 129): "too_long"} {
		_, err := webhook.ParseConsoleSubject("subject", text)
		var known *webhook.Error
		require.ErrorAs(t, err, &known)
		assert.Equal(t, reason, known.Details[0].Reason)
	}
}
