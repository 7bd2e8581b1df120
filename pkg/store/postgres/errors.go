package postgres

import (
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// errReadOnly is a server that answers and takes no writes: a standby, or one that was set to read-only.
var errReadOnly = errors.New("the database is read-only")

// errSetup wraps what a server answers while a new connection is prepared for use.
var errSetup = errors.New("set up a connection")

// unavailableClasses are beginnings of SQLSTATE codes (https://www.postgresql.org/docs/current/errcodes-appendix.html) of a server
// that cannot serve now, whatever the statement:
//
//	08  connection exceptions; PgBouncer's own errors
//	28  the role may not log in any more
//	40  a transaction that was rolled back because of another: a deadlock, a serialization failure
//	53  insufficient resources: connections, memory, disk
//	57  operator intervention: shutdown, start, a statement canceled by the server's time limit
//	58  system errors
var unavailableClasses = []string{"08", "28", "40", "53", "57", "58"}

// unavailableCodes are single codes of the same kind, from classes that are about the statement otherwise.
var unavailableCodes = []string{
	"25006", // a write to a server that is read-only
	"25P03", // idle_in_transaction_session_timeout
	"25P04", // transaction_timeout
	"3D000", // the database was renamed or dropped
	"42501", // a privilege was taken from the role
	"55000", // the database accepts no connections
	"55006", // an object is in use by another session
	"55P03", // lock_timeout
}

// unavailable reports whether an error means that PostgreSQL is away, starting, stopping, full or read-only, or refuses this service
// as such, rather than that it refused one statement. An error while a connection is established always does, whatever its code.
func unavailable(err error) bool {
	if misconfigured(err) {
		return false // it will be there tomorrow too
	}
	var connect *pgconn.ConnectError
	if errors.As(err, &connect) || errors.Is(err, errSetup) {
		return true
	}
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		return stalePlan(refused) || slices.Contains(unavailableCodes, refused.Code) || slices.ContainsFunc(unavailableClasses, func(class string) bool {
			return strings.HasPrefix(refused.Code, class)
		})
	}
	var network net.Error
	return errors.As(err, &network) || errors.Is(err, driver.ErrBadConn) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, errReadOnly) || pgconn.SafeToRetry(err)
}

// full reports whether the disk has no space left.
func full(err error) bool {
	var refused *pgconn.PgError
	return errors.As(err, &refused) && refused.Code == "53100"
}

// stalePlan reports whether a prepared statement's result has changed since it was prepared, because the type of a column did. The
// driver prepares it anew for the next call.
func stalePlan(refused *pgconn.PgError) bool {
	return refused.Code == "0A000" && strings.Contains(refused.Message, "cached plan")
}
