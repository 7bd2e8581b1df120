package months

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"

	"redrive/pkg/store"
)

// Months changes the partitions of a database. It is safe for concurrent use.
type Months struct {
	db     *sql.DB // for changes
	common *sql.DB
}

// New returns the Months of a database. A change of partitions holds two connections of db. Describe uses the other pool, so that it does
// not wait for a change.
func New(db, common *sql.DB) *Months { return &Months{db, common} }

// Vanished reports whether an error means that a table does not exist.
func Vanished(err error) bool { return isCode(err, undefinedTable) }

// Describe returns how the tables are divided.
func (m *Months) Describe(ctx context.Context) (described store.PartitionLayout, err error) {
	found, err := read(ctx, m.common)
	if err != nil || !found.divided() {
		return described, err
	}
	described.Divided = true
	for _, p := range found[deliveries.name] {
		if !p.to.IsZero() && found.whole(p) {
			described.Parts = append(described.Parts, store.Partition{Suffix: p.suffix, From: p.from, To: p.to})
		}
	}
	strays, err := column(ctx, m.common, "SELECT CAST(GREATEST(reltuples, 0) AS bigint) || '' FROM pg_class WHERE oid = CAST($1 AS regclass)", deliveries.partition(fallback))
	if err != nil {
		return described, fmt.Errorf("count the rows of the default partition: %w", err)
	}
	described.Strays, err = strconv.ParseInt(strays[0], 10, 64)
	return described, err
}
