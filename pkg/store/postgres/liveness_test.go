package postgres_test

import (
	"context"
	"database/sql"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/store/postgres"
	"redrive/pkg/testservers"
)

const pooled = 20

// silenced is a pool whose connections all died without a word after they had been idle, and a call that uses one.
func silenced(t *testing.T) (call func() error, through *testservers.Proxy) {
	t.Helper()
	through, url := testservers.ThroughProxy(t, testservers.Postgres(t))
	db := filledPool(t, url, pooled)
	through.Silence()
	return func() error {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var one int
		return db.QueryRowContext(ctx, "SELECT 1").Scan(&one)
	}, through
}

// filledPool returns a pool of idle connections that are pinged before the next use.
func filledPool(t *testing.T, url string, connections int) *sql.DB {
	t.Helper()
	config, err := pgx.ParseConfig(url)
	require.NoError(t, err)
	db := postgres.NewPool(*config, connections)
	t.Cleanup(func() { assert.NoError(t, db.Close()) })
	var taken []*sql.Conn
	for range connections {
		connection, err := db.Conn(t.Context())
		require.NoError(t, err)
		taken = append(taken, connection)
	}
	for _, connection := range taken {
		require.NoError(t, connection.Close())
	}
	require.Equal(t, connections, db.Stats().Idle)
	time.Sleep(2 * postgres.IdleBeforePing)
	return db
}

// After one failed ping, the other connections are dropped without a ping.
func TestSilentConnectionsCostOnePing(t *testing.T) {
	t.Parallel()
	call, through := silenced(t)
	require.NoError(t, call())
	assert.Equal(t, 1, through.AskedSilent(), "the others are dropped without a ping")
	for range 5 {
		require.NoError(t, call())
	}
	assert.Equal(t, 1, through.AskedSilent(), "calls that come later use no dead connection")
}

// As many concurrent calls as connections: each pings at most one, and none fails.
func TestSilentConnectionsConcurrentCallsSucceed(t *testing.T) {
	t.Parallel()
	call, through := silenced(t)
	var calls sync.WaitGroup
	for range pooled {
		calls.Go(func() { assert.NoError(t, call()) })
	}
	calls.Wait()
	asked := through.AskedSilent()
	assert.LessOrEqual(t, asked, pooled)
	require.NoError(t, call())
	assert.Equal(t, asked, through.AskedSilent(), "no dead connection is left")
}

// A caller that is canceled during a ping does not affect the other connections.
func TestSilentConnectionCallerLeavesKeepsPool(t *testing.T) {
	t.Parallel()
	db := filledPool(t, testservers.Postgres(t), 3)
	leaving, leave := context.WithCancel(t.Context())
	time.AfterFunc(time.Millisecond, leave)
	for leaving.Err() == nil {
		_ = db.PingContext(leaving)
	}
	require.NoError(t, db.PingContext(t.Context()))
	assert.GreaterOrEqual(t, db.Stats().Idle, 2)
}
