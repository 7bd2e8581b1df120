package postgres_test

import (
	"database/sql"
	"encoding/json"
	"sync"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"redrive/pkg/keyring"
	"redrive/pkg/store"
	"redrive/pkg/store/postgres"
	"redrive/pkg/store/storetest"
	"redrive/pkg/testservers"
	"redrive/pkg/webhook"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(testservers.Suite(m)) }

func TestConformance(t *testing.T) {
	storetest.Run(t, func(t *testing.T) *store.Store {
		return storetest.NewPostgres(t)
	})
}

func TestReseal(t *testing.T) {
	storetest.RunReseal(t, func(t *testing.T) func(store.Sealer) *store.Store {
		url := storetest.MigratedPostgres(t)
		return func(sealer store.Sealer) *store.Store {
			opened, err := postgres.Open(postgres.Options{URL: url, MaxConnections: 4}, sealer)
			require.NoError(t, err)
			t.Cleanup(func() { assert.NoError(t, opened.Close()) })
			return opened
		}
	})
}

// TestSecretsInDatabaseAreSealed reads the columns directly, and moves sealed values to other rows.
func TestSecretsInDatabaseAreSealed(t *testing.T) {
	t.Parallel()
	url := storetest.MigratedPostgres(t)
	opened := storetest.OpenPostgres(t, url)
	conn := connect(t, url)
	create := func() webhook.Endpoint {
		endpoint := webhook.NewEndpoint("org", "", webhook.EndpointSpec{
			Name: "n", URL: "https://example.com", Headers: map[string]webhook.Secret{"X-A": "canary-a", "X-B": "canary-b"},
		}, "whsec_canary", webhook.Now())
		require.NoError(t, opened.CreateEndpoint(t.Context(), endpoint))
		return endpoint
	}
	first, second := create(), create()
	var row string
	require.NoError(t, conn.QueryRow(t.Context(), `SELECT endpoints::text || encode(signing_secrets, 'escape') FROM endpoints WHERE id = $1`, first.ID).Scan(&row))
	assert.Contains(t, row, "X-A")
	assert.NotContains(t, row, "canary")

	load := func(e webhook.Endpoint) error {
		event := webhook.NewEvent("org", webhook.EventSpec{Type: "a", Data: json.RawMessage("{}")}, webhook.Now())
		d := webhook.NewDelivery(event, e, webhook.Now())
		require.NoError(t, opened.CreateEvent(t.Context(), event, []webhook.Delivery{d}))
		_, err := opened.LoadDispatch(t.Context(), d.ID)
		return err
	}
	require.NoError(t, load(first))
	for _, tamper := range []string{
		`UPDATE endpoints SET headers = (SELECT headers FROM endpoints WHERE id = $2) WHERE id = $1`,
		`UPDATE endpoints SET headers = json_build_object('X-A', headers::json->'X-B', 'X-B', headers::json->'X-A')::text WHERE id IN ($1, $2)`,
		`UPDATE endpoints SET headers = json_build_object('X-A', replace(encode(signing_secrets, 'base64'), E'\n', ''))::text WHERE id IN ($1, $2)`,
	} {
		_, err := conn.Exec(t.Context(), tamper, first.ID, second.ID)
		require.NoError(t, err)
		err = load(first)
		require.ErrorIs(t, err, keyring.ErrTampered)
		assert.NotContains(t, err.Error(), "canary")
	}
}

func TestMigrateConcurrentAppliesOnce(t *testing.T) {
	url := testservers.Postgres(t)
	fresh := storetest.OpenPostgres(t, url)
	require.ErrorContains(t, fresh.CheckSchema(t.Context()), "api-service migrate")

	var group sync.WaitGroup
	var mutex sync.Mutex
	total := 0
	for range 3 {
		one := storetest.OpenPostgres(t, url)
		group.Go(func() {
			applied, err := one.Migrate(t.Context())
			assert.NoError(t, err)
			mutex.Lock()
			defer mutex.Unlock()
			total += len(applied)
		})
	}
	group.Wait()
	assert.Positive(t, total)
	var tables int
	require.NoError(t, query(t, url, "SELECT count(*) FROM goose_db_version WHERE version_id > 0", &tables))
	assert.Equal(t, total, tables, "each migration once")
	require.NoError(t, fresh.CheckSchema(t.Context()))
}

func TestSigningSecretsInDatabaseAreNotReadable(t *testing.T) {
	url := testservers.Postgres(t)
	opened := storetest.OpenPostgres(t, url)
	_, err := opened.Migrate(t.Context())
	require.NoError(t, err)
	endpoint := webhook.NewEndpoint("org_a", "", webhook.EndpointSpec{Name: "n", URL: "https://example.com"}, "whsec_canary", webhook.Now())
	require.NoError(t, opened.CreateEndpoint(t.Context(), endpoint))

	var row string
	require.NoError(t, query(t, url, "SELECT endpoints::text || encode(signing_secrets, 'escape') FROM endpoints", &row))
	assert.Contains(t, row, endpoint.ID)
	assert.NotContains(t, row, "canary")
}

func TestDatabaseUnreachableIsUnavailable(t *testing.T) {
	server, err := testservers.StartPostgres(testservers.PostgresOptions{})
	require.NoError(t, err)
	defer func() { _ = server.Close() }()
	opened := storetest.OpenPostgres(t, server.URL())
	_, err = opened.Migrate(t.Context())
	require.NoError(t, err)

	require.NoError(t, server.Kill())
	_, err = opened.FindEndpoint(t.Context(), "org_a", "ep_x")
	var known *webhook.Error
	require.ErrorAs(t, err, &known)
	assert.Equal(t, webhook.CodeUnavailable, known.Code)
	assert.Equal(t, 5*time.Second, known.RetryAfter)
	assert.Equal(t, webhook.CodeUnavailable, webhook.CodeOf(opened.Ping(t.Context())))

	require.NoError(t, server.Restart(t.Context()))
	_, err = opened.FindEndpoint(t.Context(), "org_a", "ep_x")
	assert.Equal(t, webhook.CodeNotFound, webhook.CodeOf(err), "back by itself: %v", err)
}

func TestDatabaseReadOnlyIsUnavailable(t *testing.T) {
	url := testservers.Postgres(t)
	opened := storetest.OpenPostgres(t, url)
	require.NoError(t, opened.Ping(t.Context()))
	standby := storetest.OpenPostgres(t, url+"&default_transaction_read_only=on")
	err := standby.Ping(t.Context())
	assert.Equal(t, webhook.CodeUnavailable, webhook.CodeOf(err))
	assert.ErrorContains(t, err, "read-only")
}

func TestOpenWrongURLIsNotQuoted(t *testing.T) {
	_, err := postgres.Open(postgres.Options{URL: "postgres://user:canary@host:port/x"}, nil)
	require.Error(t, err)
	assert.NotContains(t, err.Error(), "canary")
}

func query(t *testing.T, url, statement string, into any) error {
	t.Helper()
	db, err := sql.Open("pgx", url)
	require.NoError(t, err)
	defer func() { _ = db.Close() }()
	return db.QueryRowContext(t.Context(), statement).Scan(into)
}
