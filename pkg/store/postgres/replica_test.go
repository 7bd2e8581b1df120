package postgres_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/store"
	"redrive/pkg/store/postgres"
	"redrive/pkg/store/storetest"
	"redrive/pkg/testservers"
	"redrive/pkg/webhook"
)

// withReplica opens a migrated store that reads from a standby, and returns when the standby can be used.
func withReplica(t *testing.T) (*pair, *store.Store) {
	t.Helper()
	p := newPair(t)
	opened, err := postgres.Open(postgres.Options{
		URL: p.url(p.primaryAddr, p.standbyAddr), ReplicaURL: strings.Replace(p.url(p.primaryAddr, p.standbyAddr), "read-write", "standby", 1), MaxConnections: 4,
	}, storetest.Sealer(t))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, opened.Close()) })
	storetest.Migrated(t, opened)
	awaitReplica(t, opened)
	return p, opened
}

func awaitReplica(t *testing.T, opened *store.Store) {
	t.Helper()
	require.Eventually(t, func() bool { return opened.CheckReplica(t.Context()) == nil }, patience, tick)
}

// listed returns how many endpoints a request sees whose caller has not written lately.
func listed(t *testing.T, opened *store.Store) int {
	t.Helper()
	list, err := opened.ListEndpoints(webhook.PermitReplica(t.Context()), webhook.EndpointFilter{OrganizationID: "org"}, webhook.Page{Limit: 100})
	require.NoError(t, err)
	return len(list.Items)
}

func createEndpoint(t *testing.T, opened *store.Store) {
	t.Helper()
	endpoint := webhook.NewEndpoint("org", "", webhook.EndpointSpec{Name: "n", URL: "https://example.com"}, "whsec_a", webhook.Now())
	require.NoError(t, opened.CreateEndpoint(t.Context(), endpoint))
}

func TestReplicaThatLagsIsNotUsed(t *testing.T) {
	t.Parallel()
	p, opened := withReplica(t)
	createEndpoint(t, opened)
	require.NoError(t, p.standby.AwaitReplay(t.Context(), p.primary))
	before := opened.ReplicaCounts()
	assert.Equal(t, 1, listed(t, opened))
	assert.Equal(t, before.Replica+1, opened.ReplicaCounts().Replica)

	admin, err := pgx.Connect(t.Context(), p.standby.URL())
	require.NoError(t, err)
	t.Cleanup(func() { _ = admin.Close(context.Background()) })
	_, err = admin.Exec(t.Context(), "SELECT pg_wal_replay_pause()")
	require.NoError(t, err)
	createEndpoint(t, opened)
	require.Eventually(t, func() bool { return opened.CheckReplica(t.Context()) != nil }, patience, tick)
	require.ErrorContains(t, opened.CheckReplica(t.Context()), "more than 2 s")
	assert.Greater(t, opened.ReplicaStaleness(), store.MaxStaleness)
	assert.Equal(t, 2, listed(t, opened), "the primary answers")
	assert.Positive(t, opened.ReplicaCounts().Primary)

	_, err = admin.Exec(t.Context(), "SELECT pg_wal_replay_resume()")
	require.NoError(t, err)
	awaitReplica(t, opened)
	before = opened.ReplicaCounts()
	assert.Equal(t, 2, listed(t, opened))
	assert.Equal(t, before.Replica+1, opened.ReplicaCounts().Replica)
}

func TestReplicaThatIsAwayIsNotUsed(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*pair) error{
		"killed": func(p *pair) error { return p.standby.Kill() },
		"frozen": func(p *pair) error { return p.standby.Pause() },
		"cut off": func(p *pair) error {
			p.toStandby.Cut()
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, opened := withReplica(t)
			createEndpoint(t, opened)
			require.NoError(t, p.standby.AwaitReplay(t.Context(), p.primary))
			require.NoError(t, end(p))
			assert.Equal(t, 1, listed(t, opened), "the first request too is answered")
			require.Eventually(t, func() bool { return opened.CheckReplica(t.Context()) != nil }, patience, tick)
			assert.Equal(t, 1, listed(t, opened))
		})
	}
}

// After a failover the former standby is the primary, and the former primary comes back as the standby.
func TestReplicaAfterFailoverIsTheOtherServer(t *testing.T) {
	t.Parallel()
	p, opened := withReplica(t)
	require.NoError(t, p.primary.Kill())
	require.NoError(t, p.standby.Promote(t.Context()))
	require.Eventually(t, func() bool { return opened.Ping(t.Context()) == nil }, patience, tick)
	createEndpoint(t, opened)
	assert.Equal(t, 1, listed(t, opened), "the primary answers while there is no standby")
	require.Eventually(t, func() bool { return opened.CheckReplica(t.Context()) != nil }, patience, tick)

	require.NoError(t, p.primary.Follow(t.Context(), p.standby))
	awaitReplica(t, opened)
	before := opened.ReplicaCounts()
	assert.Equal(t, 1, listed(t, opened))
	assert.Equal(t, before.Replica+1, opened.ReplicaCounts().Replica)
}

func TestReplicaOfAnotherDatabaseIsNotUsed(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	opened, err := postgres.Open(postgres.Options{URL: testservers.Postgres(t), ReplicaURL: p.standby.URL(), MaxConnections: 2}, storetest.Sealer(t))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, opened.Close()) })
	require.Eventually(t, func() bool {
		err := opened.CheckReplica(t.Context())
		return err != nil && strings.Contains(err.Error(), "another database")
	}, patience, tick)
}

func TestOpenWrongReplicaURLIsNotQuoted(t *testing.T) {
	for _, url := range []string{"postgres://user:canary@host:port/x", "postgres://user:canary@host/x?target_session_attrs=read-write"} {
		_, err := postgres.Open(postgres.Options{URL: "postgres://host/x", ReplicaURL: url}, nil)
		require.ErrorContains(t, err, "DATABASE_REPLICA_URL")
		assert.NotContains(t, err.Error(), "canary")
	}
	_, err := postgres.Open(postgres.Options{URL: "postgres://user:canary@a,b/x?target_session_attrs=standby"}, nil)
	require.ErrorContains(t, err, "target_session_attrs=read-write")
	assert.NotContains(t, err.Error(), "canary")
}

// Every statement of a list, a search or a statistic runs on a standby. A commit returns when the standby has replayed it, so that the suite
// reads there what it has written.
func TestConformanceReadingFromReplica(t *testing.T) {
	primary, err := testservers.StartPostgres(testservers.PostgresOptions{Replicated: true})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, primary.Close()) })
	standby, err := testservers.StartStandby(primary, testservers.PostgresOptions{Settings: map[string]string{"max_standby_streaming_delay": "0"}})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, standby.Close()) })
	admin := connect(t, primary.URL())
	execute := func(statement string) {
		t.Helper()
		_, err := admin.Exec(context.Background(), statement)
		require.NoError(t, err)
	}
	execute("CREATE DATABASE migrated")
	url := func(server *testservers.PostgresServer, database string) string {
		return strings.Replace(server.URL(), "/postgres?", "/"+database+"?", 1)
	}
	migrated, err := postgres.Open(postgres.Options{URL: url(primary, "migrated"), MaxConnections: 1}, storetest.Sealer(t))
	require.NoError(t, err)
	storetest.Migrated(t, migrated)
	require.NoError(t, migrated.Close())
	execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
	execute("ALTER SYSTEM SET synchronous_commit = 'remote_apply'")
	execute("SELECT pg_reload_conf()")

	var used atomicSum
	var creating sync.Mutex // one connection makes all databases
	storetest.RunReads(t, func(t *testing.T) *store.Store {
		name := "test_" + strings.ToLower(rand.Text())
		creating.Lock()
		execute(fmt.Sprintf("CREATE DATABASE %s TEMPLATE migrated", pgx.Identifier{name}.Sanitize()))
		creating.Unlock()
		opened, err := postgres.OpenOnReplica(postgres.Options{
			URL: url(primary, name), ReplicaURL: url(standby, name), MaxConnections: 8,
		}, storetest.Sealer(t))
		require.NoError(t, err)
		t.Cleanup(func() {
			used.add(opened.ReplicaCounts())
			assert.NoError(t, opened.Close())
		})
		awaitReplica(t, opened)
		return opened
	})
	t.Logf("reads of the suite: %+v", used.sum)
	assert.Greater(t, used.sum.Replica, 10*(used.sum.Primary+used.sum.Repeated), "nearly all reads used the standby")
}

// atomicSum adds the counts of stores that are closed at the same time.
type atomicSum struct {
	mutex sync.Mutex
	sum   store.ReplicaCounts
}

func (a *atomicSum) add(counts store.ReplicaCounts) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.sum.Replica += counts.Replica
	a.sum.Primary += counts.Primary
	a.sum.Repeated += counts.Repeated
}
