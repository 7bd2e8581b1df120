package postgres

import (
	"context"
	"database/sql/driver"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// liveness checks pooled connections before they are used again. A firewall or a proxy can drop a connection without a word, and a
// statement on it would wait until its caller gives up. A connection that was not used for idleBeforePing is therefore pinged, for at
// most pingTimeout. All others that were last used before a ping that failed are likely to be dead as well: they are dropped without
// a ping of their own. So a pool of dead connections costs its callers one pingTimeout, and those who come later nothing.
type liveness struct {
	// deadBefore is a time in nanoseconds since the epoch. Connections that were last used before it are dropped.
	deadBefore atomic.Int64
}

const (
	// idleBeforePing leaves the ping out of a busy connection's way: it takes as long as a short statement.
	idleBeforePing = 100 * time.Millisecond
	// pingTimeout leaves half of the 2 s that a call may be delayed to the new connection.
	pingTimeout = time.Second
)

// lastUsed is the key of the time when a connection was last taken from the pool.
const lastUsed = "redrive.lastUsed"

// connected notes that a connection is new.
func (l *liveness) connected(connection *pgconn.PgConn) {
	connection.CustomData()[lastUsed] = time.Now()
}

// check returns driver.ErrBadConn, which makes the pool take another connection, if this one is not to be used any more.
func (l *liveness) check(ctx context.Context, connection *pgconn.PgConn) error {
	now := time.Now()
	used, _ := connection.CustomData()[lastUsed].(time.Time)
	connection.CustomData()[lastUsed] = now
	if used.UnixNano() < l.deadBefore.Load() {
		return driver.ErrBadConn
	}
	if now.Sub(used) < idleBeforePing {
		return nil
	}
	pinging, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	if err := connection.Ping(pinging); err != nil {
		if ctx.Err() == nil { // and not because the caller has gone
			l.died(now)
		}
		return driver.ErrBadConn
	}
	return nil
}

// died drops all connections that were last used before the time.
func (l *liveness) died(before time.Time) {
	for {
		earlier := l.deadBefore.Load()
		if earlier >= before.UnixNano() || l.deadBefore.CompareAndSwap(earlier, before.UnixNano()) {
			return
		}
	}
}
