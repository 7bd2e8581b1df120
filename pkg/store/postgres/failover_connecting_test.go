package postgres_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/store/postgres"
	"redrive/pkg/testservers"
)

// cutOffInSetUp returns a configuration that cuts a server off as soon as it has accepted a connection, before the connection is set up.
func cutOffInSetUp(t *testing.T, url, address string, server *testservers.Proxy) *pgx.ConnConfig {
	t.Helper()
	config, err := pgx.ParseConfig(url)
	require.NoError(t, err)
	config.AfterConnect = func(_ context.Context, connection *pgconn.PgConn) error {
		if connection.Conn().RemoteAddr().String() == address {
			server.Cut()
		}
		return nil
	}
	return config
}

// A call that is connecting when the primary is cut off works once the standby is promoted, although the standby has refused it before.
func TestFailoverWhileConnecting(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	config := cutOffInSetUp(t, p.url(p.standbyAddr, p.primaryAddr), p.primaryAddr, p.toPrimary)
	config.ConnectTimeout = callDeadline // it does not help
	db := postgres.NewPool(*config, 4)
	t.Cleanup(func() { assert.NoError(t, db.Close()) })
	ctx, cancel := context.WithTimeout(t.Context(), callDeadline)
	defer cancel()
	answer := make(chan error, 1)
	go func() { answer <- db.PingContext(ctx) }()
	require.Eventually(t, func() bool { return p.toPrimary.AskedSilent() > 0 }, patience, tick)
	require.NoError(t, p.standby.Promote(t.Context()))
	promoted := time.Now()
	require.NoError(t, <-answer)
	assert.Less(t, time.Since(promoted), generousLimit)
}

// A server that stops answering while a connection is set up delays its callers for the time limit of connections, not until their deadlines.
func TestSilenceInSetUpIsBounded(t *testing.T) {
	t.Parallel()
	server, err := testservers.StartPostgres(testservers.PostgresOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, server.Close()) })
	toServer, address := proxied(t, server)
	config := cutOffInSetUp(t, "postgres://postgres@"+address+"/postgres?sslmode=disable", address, toServer)
	config.ConnectTimeout = time.Second
	db := postgres.NewPool(*config, 4)
	t.Cleanup(func() { assert.NoError(t, db.Close()) })
	ctx, cancel := context.WithTimeout(t.Context(), callDeadline)
	defer cancel()
	err = db.PingContext(ctx)
	require.Error(t, err)
	require.NoError(t, ctx.Err(), "the call ended before its deadline")
	assert.True(t, postgres.Unavailable(err), "%v", err)
}

// A primary that is cut off in the midst of an answer has answered, and is silent all the same.
func TestFailoverWithinAnAnswer(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	const answer = 64 << 10
	db := openPool(t, p.url(p.primaryAddr, p.standbyAddr), 1)
	ctx, cancel := context.WithTimeout(t.Context(), callDeadline)
	defer cancel()
	require.NoError(t, db.PingContext(ctx))
	stopped := p.toPrimary.CutWithin(answer / 2)
	failed := make(chan error, 1)
	go func() {
		var text string
		failed <- db.QueryRowContext(ctx, "SELECT repeat('x', $1)", answer).Scan(&text)
	}()
	<-stopped
	require.NoError(t, p.standby.Promote(t.Context()))
	promoted := time.Now()
	require.Error(t, <-failed)
	assert.Less(t, time.Since(promoted), generousLimit)
	require.NoError(t, db.PingContext(ctx))
}
