package postgres_test

import (
	"encoding/json"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	stored "redrive/pkg/store"
	"redrive/pkg/store/storetest"
	"redrive/pkg/webhook"
)

// A statement that ends at a limit of the server, because another session holds a row, is unavailable and can be retried.
func TestStatementAtServerLimitIsUnavailable(t *testing.T) {
	t.Parallel()
	url := storetest.MigratedPostgres(t)
	store := storetest.OpenPostgres(t, url)
	now := webhook.Now()
	endpoint := webhook.NewEndpoint("org", "", webhook.EndpointSpec{Name: "n", URL: "https://example.com"}, "whsec_a", now)
	require.NoError(t, store.CreateEndpoint(t.Context(), endpoint))
	event := webhook.NewEvent("org", webhook.EventSpec{Type: "run.finished", Data: json.RawMessage(`{}`)}, now)
	delivery := webhook.NewDelivery(event, endpoint, now)
	delivery.MaxRetries = 0
	require.NoError(t, store.CreateEvent(t.Context(), event, []webhook.Delivery{delivery}))
	outcome, err := webhook.Policy{}.Decide(delivery, webhook.Result{StartedAt: now, ResponseStatus: 500}, now)
	require.NoError(t, err)
	_, err = store.RecordOutcome(t.Context(), outcome)
	require.NoError(t, err)
	key, _ := webhook.NewAPIKey(webhook.APIKeySpec{OrganizationID: "org", Name: "n", Scope: webhook.ScopeReadWrite}, now)
	require.NoError(t, store.CreateAPIKey(t.Context(), key))

	holder, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer func() { assert.NoError(t, holder.Close(t.Context())) }()
	_, err = holder.Exec(t.Context(), "BEGIN; SELECT 1 FROM deliveries FOR UPDATE; SELECT 1 FROM endpoints FOR UPDATE; SELECT 1 FROM api_keys FOR UPDATE; SELECT 1 FROM events FOR UPDATE")
	require.NoError(t, err)
	for _, limit := range []string{"lock_timeout", "statement_timeout"} {
		limited := storetest.OpenPostgres(t, url+"&"+limit+"=50ms")
		for name, call := range map[string]func() error{
			"retry": func() error {
				_, err := limited.RetryDelivery(t.Context(), "org", delivery.ID, now)
				return err
			},
			"retry together": func() error {
				_, errs := limited.RetryDeliveries(t.Context(), []webhook.Retry{{OrganizationID: "org", DeliveryID: delivery.ID, At: now}})
				return errs[0]
			},
			"disable": func() error {
				_, err := storetest.SetStatus(t.Context(), limited, "org", endpoint.ID, webhook.EndpointDisabled, now)
				return err
			},
			"revoke": func() error {
				_, err := limited.RevokeAPIKeyOf(t.Context(), "org", key.ID, stored.Revocation{}, now)
				return err
			},
			"count an orphan": func() error {
				waiting := webhook.NewDelivery(event, endpoint, now)
				if err := limited.CreateDelivery(t.Context(), waiting); err != nil {
					return err
				}
				_, err := limited.CountOrphan(t.Context(), waiting.ID)
				return err
			},
		} {
			err := call()
			assert.Equal(t, webhook.CodeUnavailable, webhook.CodeOf(err), "%s: %s: %v", limit, name, err)
		}
	}
}
