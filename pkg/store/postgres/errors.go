package postgres

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// errLostStatement means that a pooler was put in front of PostgreSQL while this service ran.
var errLostStatement = errors.New("a prepared statement was lost: if a connection pooler such as PgBouncer is in front of PostgreSQL, " +
	"add the parameter default_query_exec_mode=cache_describe to DATABASE_URL")

// errSetup wraps the errors of the setup of a new connection.
var errSetup = errors.New("set up a connection")

// unavailableClasses are the classes of SQLSTATE codes (https://www.postgresql.org/docs/current/errcodes-appendix.html) that mean that the
// server cannot serve any statement now:
//
//	08  connection exceptions; PgBouncer's own errors
//	28  the role is not allowed to log in
//	40  a transaction was rolled back because of another one: deadlock, serialization failure
//	53  insufficient resources: connections, memory, disk
//	57  operator intervention: shutdown, start, statement canceled by the server's time limit
//	58  system errors
var unavailableClasses = []string{"08", "28", "40", "53", "57", "58"}

// unavailableCodes are codes with the same meaning in classes that otherwise concern the statement.
var unavailableCodes = []string{
	"26000", // a prepared statement was lost in a pooler
	"42P05", // a prepared statement of another client of a pooler has the same name
	"25006", // a write to a server that is read-only
	"25P03", // idle_in_transaction_session_timeout
	"25P04", // transaction_timeout
	"3D000", // the database was renamed or dropped
	"42501", // a privilege was taken from the role
	"55000", // the database accepts no connections
	"55006", // an object is in use by another session
	"55P03", // lock_timeout
}

// unavailable reports whether an error means that PostgreSQL is unreachable, starting, stopping, full or read-only, or refuses the service as
// a whole. It is false for the refusal of a single statement. It is true for every error of a connection attempt.
func unavailable(err error) bool {
	if misconfigured(err) {
		return false // only a change of the settings helps
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

// explain names the setting for a pooler if a prepared statement was lost in one.
func explain(err error) error {
	var refused *pgconn.PgError
	if errors.As(err, &refused) && (refused.Code == "26000" || refused.Code == "42P05") {
		return fmt.Errorf("%w: %w", errLostStatement, err)
	}
	return err
}

// full reports whether the disk has no space left.
func full(err error) bool {
	var refused *pgconn.PgError
	return errors.As(err, &refused) && refused.Code == "53100"
}

// stalePlan reports whether the result type of a prepared statement has changed because the type of a column has. The driver prepares the
// statement again for the next call.
func stalePlan(refused *pgconn.PgError) bool {
	return refused.Code == "0A000" && strings.Contains(refused.Message, "cached plan")
}
