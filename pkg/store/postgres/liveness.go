package postgres

import (
	"context"
	"database/sql/driver"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// liveness checks pooled connections before they are used again. A firewall or a proxy can drop a connection silently, and a statement on it
// would wait until its caller's deadline. A connection that was not used for idleBeforePing is therefore pinged, for at most pingTimeout.
// After a failed ping, all connections that were last used before it are probably dead too and are dropped without a ping. A pool of dead
// connections therefore delays concurrent callers by one pingTimeout, and later callers not at all.
type liveness struct {
	// role is what the server must still have when an idle connection is used again.
	role role
	// deadBefore is a time in nanoseconds since the epoch. Connections that were last used before it are dropped.
	deadBefore atomic.Int64
}

const (
	// idleBeforePing is long enough that a busy connection is not pinged. A ping takes as long as a short statement.
	idleBeforePing = 100 * time.Millisecond
	// pingTimeout is half of the 2 s by which a call may be delayed. The other half is for the new connection.
	pingTimeout = time.Second
)

// lastUsed is the key of the time at which a connection was last taken from the pool.
const lastUsed = "redrive.lastUsed"

// connected records the time at which a connection was opened.
func (l *liveness) connected(connection *pgconn.PgConn) {
	connection.CustomData()[lastUsed] = time.Now()
}

// check returns driver.ErrBadConn if the connection must not be used any more. The pool then takes another one.
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
	if err := l.role.check(pinging, connection); err != nil {
		if ctx.Err() == nil { // the ping did not fail because of the caller
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
