package postgres

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5/pgconn"
)

// timeline identifies the history of a primary. A promotion begins a timeline with a higher number. The zero timeline is unknown.
type timeline struct {
	system string // the same for a primary and its standbys
	number uint64
}

// errFormerPrimary refuses a server that still accepts writes although another one was promoted. Writes to it would be lost.
var errFormerPrimary = errors.New("the server is a former primary: another one was promoted after it")

// before reports whether another server was promoted after this one.
func (t timeline) before(other timeline) bool {
	return t.system == other.system && t.number < other.number
}

// systemSQL is the identifier of the system. It is the same on a primary and its standbys.
const systemSQL = "(SELECT system_identifier FROM pg_control_system())"

// The first eight digits of a WAL file's name are the number of the timeline.
const timelineSQL = "SELECT " + systemSQL + ", left(pg_walfile_name(pg_current_wal_lsn()), 8)"

// readTimeline returns the timeline of a primary. It is unknown if the server does not permit these functions, as some managed ones do not.
func readTimeline(ctx context.Context, connection *pgconn.PgConn) (timeline, error) {
	row, err := oneRow(ctx, connection, timelineSQL)
	var refused *pgconn.PgError
	if errors.As(err, &refused) && !moved(refused) {
		return timeline{}, nil
	}
	if err != nil {
		return timeline{}, err
	}
	number, err := strconv.ParseUint(row[1], 16, 32)
	if err != nil {
		return timeline{}, fmt.Errorf("read the timeline: %w", err)
	}
	return timeline{row[0], number}, nil
}
