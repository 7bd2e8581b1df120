package postgres_test

import (
	"context"
	"database/sql"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/store/postgres"
	"redrive/pkg/testservers"
)

// pair is a primary with a streaming standby, each behind a proxy that can cut it off.
type pair struct {
	primary, standby         *testservers.PostgresServer
	toPrimary, toStandby     *testservers.Proxy
	primaryAddr, standbyAddr string
}

func newPair(t *testing.T) *pair {
	t.Helper()
	p := &pair{}
	var err error
	p.primary, err = testservers.StartPostgres(testservers.PostgresOptions{Replicated: true})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, p.primary.Close()) })
	p.standby, err = testservers.StartStandby(p.primary, testservers.PostgresOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, p.standby.Close()) })
	p.toPrimary, p.primaryAddr = proxied(t, p.primary)
	p.toStandby, p.standbyAddr = proxied(t, p.standby)
	return p
}

func proxied(t *testing.T, server *testservers.PostgresServer) (proxy *testservers.Proxy, address string) {
	t.Helper()
	proxy, through := testservers.ThroughProxy(t, server.URL())
	location, err := url.Parse(through)
	require.NoError(t, err)
	return proxy, location.Host
}

// url returns the URL of the servers in this order.
func (p *pair) url(hosts ...string) string {
	return "postgres://postgres@" + strings.Join(hosts, ",") + "/postgres?sslmode=disable&target_session_attrs=read-write"
}

func openPool(t *testing.T, url string, connections int) *sql.DB {
	t.Helper()
	config, err := pgx.ParseConfig(url)
	require.NoError(t, err)
	db := postgres.NewPool(*config, connections)
	t.Cleanup(func() { assert.NoError(t, db.Close()) })
	return db
}

// insert has a parameter: pgx repeats a statement without one if its connection breaks while the statement runs.
const insert = "INSERT INTO calls (number) VALUES ($1)"

// callers write through a pool, each again and again.
type callers struct {
	failures  atomic.Int64
	lastError atomic.Int64 // nanoseconds since the epoch
	written   atomic.Int64
	stop      func()
}

func call(t *testing.T, db *sql.DB, number int) *callers {
	t.Helper()
	c := &callers{}
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	for range number {
		group.Go(func() {
			for ctx.Err() == nil {
				limited, end := context.WithTimeout(context.Background(), callDeadline)
				if _, err := db.ExecContext(limited, insert, 1); err != nil {
					c.failures.Add(1)
					c.lastError.Store(time.Now().UnixNano())
					time.Sleep(tick)
				} else {
					c.written.Add(1)
				}
				end()
			}
		})
	}
	c.stop = sync.OnceFunc(func() {
		cancel()
		group.Wait()
	})
	t.Cleanup(c.stop)
	return c
}

// recovered waits until calls succeed again and ends the calls. It returns how long after the time the last call failed.
func (c *callers) recovered(t *testing.T, since time.Time) time.Duration {
	t.Helper()
	before := c.written.Load()
	require.Eventually(t, func() bool { return c.written.Load() > before+200 }, patience, tick)
	c.stop()
	if c.failures.Load() == 0 {
		return 0
	}
	return time.Unix(0, c.lastError.Load()).Sub(since)
}

const (
	// generousLimit is a safety limit for a busy machine, far above the 2 s that are promised.
	generousLimit = 20 * time.Second
	// callDeadline is longer, so that a pool fails the test if it waits for the deadlines of its calls.
	callDeadline = 2 * generousLimit
)

func TestFailoverEveryWayCallsReachNewPrimary(t *testing.T) {
	for name, end := range map[string]func(*testing.T, *pair){
		"killed":  func(t *testing.T, p *pair) { require.NoError(t, p.primary.Kill()) },
		"stopped": func(t *testing.T, p *pair) { require.NoError(t, p.primary.Stop()) },
		"frozen":  func(t *testing.T, p *pair) { require.NoError(t, p.primary.Pause()) },
		"cut off": func(_ *testing.T, p *pair) { p.toPrimary.Cut() },
	} {
		for order, first := range map[string]bool{"primary first": true, "standby first": false} {
			t.Run(name+", "+order, func(t *testing.T) {
				t.Parallel()
				p := newPair(t)
				location := p.url(p.primaryAddr, p.standbyAddr)
				if !first {
					location = p.url(p.standbyAddr, p.primaryAddr)
				}
				db := openPool(t, location, 8)
				calls := p.callThrough(t, db)

				began := time.Now()
				end(t, p)
				require.NoError(t, p.standby.Promote(t.Context()))
				promoted := time.Now()
				late := calls.recovered(t, promoted)
				t.Logf("%s: promoted after %s; %d calls failed, the last %s after the promotion", t.Name(), promoted.Sub(began).Round(time.Millisecond), calls.failures.Load(), late.Round(time.Millisecond))
				assert.Less(t, late, generousLimit)
			})
		}
	}
}

// A former primary that was cut off and comes back accepts writes, which would be lost.
func TestFormerPrimaryGetsNoWrites(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	db := openPool(t, p.url(p.primaryAddr, p.standbyAddr), 4)
	_, err := db.ExecContext(t.Context(), "CREATE TABLE calls (number int)")
	require.NoError(t, err)
	require.NoError(t, p.standby.AwaitReplay(t.Context(), p.primary))
	p.toPrimary.Cut()
	require.NoError(t, p.standby.Promote(t.Context()))
	write := func() error {
		limited, end := context.WithTimeout(t.Context(), patience)
		defer end()
		_, err := db.ExecContext(limited, insert, 1)
		return err
	}
	// A write that waits for the former primary fails when its connection is closed.
	require.Eventually(t, func() bool { return write() == nil }, patience, tick)

	p.toPrimary.Mend()
	p.toStandby.Cut() // the new primary does not answer for a while
	require.Error(t, func() error {
		limited, end := context.WithTimeout(t.Context(), 2*time.Second)
		defer end()
		_, err := db.ExecContext(limited, insert, 1)
		return err
	}())
	assert.Equal(t, "0", count(t, p.primary), "the former primary accepts writes, and got none")

	fresh := openPool(t, p.url(p.primaryAddr, p.standbyAddr), 1)
	p.toStandby.Mend()
	require.NoError(t, write())
	for range 5 {
		fresh.SetMaxIdleConns(0) // each write has a new connection
		_, err = fresh.ExecContext(t.Context(), insert, 1)
		require.NoError(t, err)
	}
	assert.Equal(t, "0", count(t, p.primary), "a new process finds the primary of the newer timeline")
	assert.Equal(t, "7", count(t, p.standby))
}

func count(t *testing.T, server *testservers.PostgresServer) string {
	t.Helper()
	var rows string
	require.NoError(t, query(t, server.URL(), "SELECT count(*)::text FROM calls", &rows))
	return rows
}

// An address can lead to another server: a virtual address, a name, or the pooler before them. A server that became read-only looks the same.
func TestReadOnlyAnswerDropsAllConnections(t *testing.T) {
	t.Parallel()
	server, err := testservers.StartPostgres(testservers.PostgresOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, server.Close()) })
	db := filledPool(t, server.URL(), 4)
	opened := sessionsOf(t, db, 4)

	admin := connect(t, server.URL())
	for _, statement := range []string{"ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()"} {
		_, err := admin.Exec(t.Context(), statement)
		require.NoError(t, err)
	}
	require.Eventually(t, func() bool {
		_, err = db.ExecContext(t.Context(), "CREATE TABLE IF NOT EXISTS calls (number int)")
		return err != nil
	}, patience, tick)
	assert.True(t, postgres.Unavailable(err), "%v", err)
	for _, process := range sessionsOf(t, db, 4) {
		assert.NotContains(t, opened, process, "it was opened before")
	}
}

// sessionsOf returns the server processes of all connections of a pool.
func sessionsOf(t *testing.T, db *sql.DB, connections int) []string {
	t.Helper()
	var processes []string
	for range connections {
		connection, err := db.Conn(t.Context())
		require.NoError(t, err)
		defer func() { assert.NoError(t, connection.Close()) }() // all of them are taken at the same time
		var process string
		require.NoError(t, connection.QueryRowContext(t.Context(), "SELECT pg_backend_pid()::text").Scan(&process))
		processes = append(processes, process)
	}
	return processes
}

// A server that accepts connections and does not answer costs the head start, not the time limit of connections.
func TestSilentHostCostsHeadStart(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	silent, address := proxied(t, p.standby)
	silent.Cut()
	db := openPool(t, p.url(address, p.primaryAddr), 4)
	began := time.Now()
	require.NoError(t, db.PingContext(t.Context()))
	took := time.Since(began)
	t.Logf("the first connection took %s", took)
	assert.Less(t, took, postgres.ConnectTimeout)
	require.Len(t, sessionsOf(t, db, 4), 4)
}

func TestFailoverThroughPoolersReachesNewPrimary(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	var addresses []string
	for _, server := range []*testservers.PostgresServer{p.primary, p.standby} {
		pooler, err := testservers.StartPgBouncer(testservers.PgBouncerOptions{
			Database: server.URL(), Settings: map[string]string{"pool_mode": "transaction", "default_pool_size": "4"},
		})
		require.NoError(t, err)
		t.Cleanup(func() { assert.NoError(t, pooler.Close()) })
		location, err := url.Parse(pooler.URL())
		require.NoError(t, err)
		addresses = append(addresses, location.Host)
	}
	db := openPool(t, p.url(addresses...)+describing, 8)
	calls := p.callThrough(t, db)
	require.NoError(t, p.primary.Kill())
	require.NoError(t, p.standby.Promote(t.Context()))
	late := calls.recovered(t, time.Now())
	t.Logf("%d calls failed, the last %s after the promotion", calls.failures.Load(), late.Round(time.Millisecond))
	assert.Less(t, late, generousLimit)
}

// callThrough begins calls through a pool and returns when they work.
func (p *pair) callThrough(t *testing.T, db *sql.DB) *callers {
	t.Helper()
	_, err := db.ExecContext(t.Context(), "CREATE TABLE calls (number int)")
	require.NoError(t, err)
	require.NoError(t, p.standby.AwaitReplay(t.Context(), p.primary))
	calls := call(t, db, 16) // more than the pool has connections
	require.Eventually(t, func() bool { return calls.written.Load() > 100 }, patience, tick)
	return calls
}
