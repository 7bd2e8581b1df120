package postgres_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

// consoleCalls are the frequent calls about sessions of the console.
func consoleCalls(ctx context.Context, opened *store.Store, w filled) map[string]statementCall {
	page, now := webhook.Page{Limit: 20}, webhook.Now()
	sessions := func(subject string) func() error {
		return func() error {
			_, err := opened.ListConsoleSessions(ctx, webhook.ConsoleSessionFilter{OrganizationID: "org", Subject: subject}, page)
			return err
		}
	}
	return map[string]statementCall{
		"find a console session": {
			func() error {
				_, err := opened.FindConsoleSession(ctx, w.console.TokenHash, now)
				return ignoreNotFound(err)
			},
			[][]string{{"console_sessions_token_hash_key", "organizations_pkey", "api_keys_pkey"}},
		},
		"open a console session": {
			func() error {
				_, err := opened.OpenConsoleSession(ctx, w.console.LinkHash, webhook.HashConsoleToken(webhook.NewConsoleToken()), now)
				if errors.Is(err, webhook.ErrLinkUsed) {
					return nil
				}
				return err
			},
			[][]string{{"console_sessions_link_hash_key"}, {"console_sessions_pkey", "api_keys_pkey"}, {"console_sessions_link_hash_key"}},
		},
		"end a console session": {
			func() error {
				_, err := opened.EndConsoleSession(ctx, "other", w.console.ID, now)
				return ignoreNotFound(err)
			},
			[][]string{{"console_sessions_"}, {"console_sessions_"}},
		},
		"list console sessions":              {sessions(""), [][]string{{"console_sessions_by_organization"}}},
		"list console sessions of a subject": {sessions("ada"), [][]string{{"console_sessions_by_subject"}}},
		"list changes by a console session": {
			func() error {
				_, err := opened.ListEndpointChanges(ctx, webhook.ChangeFilter{OrganizationID: "org", By: w.console.ID}, page)
				return err
			},
			[][]string{{"endpoint_changes_"}},
		},
		"purge console sessions": {
			func() error {
				_, err := opened.PurgeConsoleSessions(ctx, now.Add(-webhook.ConsoleSessionsKept), 10)
				return err
			},
			[][]string{{"console_sessions_over", "console_sessions_pkey"}},
		},
	}
}

// fillConsole inserts sessions of an organization, and returns one that was not opened.
func fillConsole(t *testing.T, s *store.Store, organization string, now time.Time) (session webhook.ConsoleSession) {
	t.Helper()
	for _, subject := range []string{"ada", "bob", "ada"} {
		session = webhook.NewConsoleLink(webhook.ConsoleSessionSpec{
			OrganizationID: organization, Scope: webhook.ScopeRead, Subject: subject, LinkLifetime: time.Hour, Lifetime: time.Hour,
		}, now)
		require.NoError(t, s.CreateConsoleSession(t.Context(), session))
	}
	return session
}
