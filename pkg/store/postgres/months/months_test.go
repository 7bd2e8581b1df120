package months_test

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/store/postgres/months"
)

// Readiness probes read the layout. They do not wait for a change of partitions, which holds all connections of its pool.
func TestDescribeDoesNotWaitForChanges(t *testing.T) {
	w := newWorld(t)
	w.divide(march)
	open := func(connections int) *sql.DB {
		config, err := pgx.ParseConfig(w.url)
		require.NoError(t, err)
		db := stdlib.OpenDB(*config)
		db.SetMaxOpenConns(connections)
		t.Cleanup(func() { require.NoError(t, db.Close()) })
		return db
	}
	changes := open(2)
	for range 2 {
		held, err := changes.Conn(t.Context())
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, held.Close()) })
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	layout, err := months.New(changes, open(1)).Describe(ctx)
	require.NoError(t, err)
	assert.True(t, layout.Divided)
}
