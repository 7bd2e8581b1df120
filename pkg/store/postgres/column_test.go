package postgres_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/store"
	"redrive/pkg/store/postgres"
	"redrive/pkg/store/storetest"
	"redrive/pkg/webhook"
)

// Migrations run while old processes run. The prepared statements of these must work after a column was added to every table.
func TestStatementsAfterNewColumnSucceed(t *testing.T) {
	t.Parallel()
	url := storetest.MigratedPostgres(t)
	opened, err := postgres.Open(postgres.Options{URL: url, MaxConnections: 1}, storetest.Sealer(t))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, opened.Close()) })
	w := fill(t, opened)
	calls := statementCalls(t.Context(), opened, w)
	for name, call := range rareCalls(t, opened, w) {
		calls[name] = statementCall{call: call}
	}
	for name, c := range calls {
		require.NoError(t, c.call(), name)
	}
	beside := connect(t, url)
	for _, table := range []string{"api_keys", "endpoints", "endpoint_changes", "events", "deliveries", "attempts", "console_sessions"} {
		_, err := beside.Exec(t.Context(), fmt.Sprintf("ALTER TABLE %s ADD COLUMN added text NOT NULL DEFAULT 'new'", table))
		require.NoError(t, err)
	}
	for name, c := range calls {
		assert.NoError(t, c.call(), name)
	}
}

// rareCalls are the calls that are not in statementCalls.
func rareCalls(t *testing.T, s *store.Store, w filled) map[string]func() error {
	t.Helper()
	ctx, now := t.Context(), webhook.Now()
	key, _ := webhook.NewAPIKey(webhook.APIKeySpec{OrganizationID: "org", Name: "n", Scope: webhook.ScopeRead}, now)
	require.NoError(t, s.CreateAPIKey(ctx, key))
	secret := 0
	return map[string]func() error{
		"publish": func() error {
			event := webhook.NewEvent("org", webhook.EventSpec{Type: "a", Data: []byte("{}")}, now)
			return s.CreateEvent(ctx, event, []webhook.Delivery{webhook.NewDelivery(event, w.endpoint, now)})
		},
		"replay": func() error {
			return s.CreateDelivery(ctx, webhook.NewDelivery(webhook.Event{ID: w.failed.EventID, OrganizationID: "org"}, w.endpoint, now))
		},
		"find an endpoint": func() error { _, err := s.FindEndpoint(ctx, "org", w.endpoint.ID); return err },
		"set a status": func() error {
			_, err := storetest.SetStatus(ctx, s, "org", w.endpoint.ID, webhook.EndpointActive, now)
			return err
		},
		"rotate": func() error {
			secret++
			_, err := s.ChangeEndpoint(ctx, "org", w.endpoint.ID, webhook.RegeneratingSecret("key", webhook.Secret(fmt.Sprint("whsec_", secret)), 0, now))
			return err
		},
		"reseal":          func() error { _, err := s.ResealEndpoints(ctx, "", 10); return err },
		"record one":      func() error { _, err := s.RecordOutcome(ctx, w.outcome); return err },
		"count an orphan": func() error { _, err := s.CountOrphan(ctx, w.waiting.ID); return err },
		"fail": func() error {
			failed, err := w.waiting.Failed(webhook.FailureOrphaned, now)
			if err != nil {
				return err
			}
			_, err = s.FailDelivery(ctx, failed)
			return err
		},
		"list all keys": func() error { _, err := s.ListAPIKeys(ctx, ""); return err },
		"find a key":    func() error { _, err := s.FindAPIKey(ctx, "org", key.ID); return err },
		"list keys":     func() error { _, err := s.ListAPIKeysOf(ctx, "org", webhook.Page{Limit: 5}); return err },
		"revoke a key":  func() error { _, err := s.RevokeAPIKeyOf(ctx, "org", key.ID, store.Revocation{}, now); return err },
		"revoke a key as the operator": func() error {
			return s.RevokeAPIKey(ctx, key.ID, true, now)
		},
		"record a use": func() error {
			return s.RecordKeyUses(ctx, []webhook.APIKeyUse{{ID: key.ID, At: now}}, time.Minute)
		},
		"publish together": func() error {
			event := webhook.NewEvent("org", webhook.EventSpec{Type: "a", Data: []byte("{}")}, now)
			return errors.Join(s.CreateEvents(ctx, []webhook.Publication{{Event: event, Deliveries: []webhook.Delivery{webhook.NewDelivery(event, w.endpoint, now)}}})...)
		},
	}
}
