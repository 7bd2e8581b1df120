package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/assert"

	"redrive/pkg/store/postgres"
)

func TestUnavailableOfStatementErrors(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]bool{
		"08006": true, "08P01": true, // the connection, PgBouncer
		"28000": true, "28P01": true, "3D000": true, "42501": true, "55000": true, // the role or the database is refused
		"53100": true, "53200": true, "53300": true, "57P01": true, "57P03": true, "57P05": true, "58030": true,
		"26000": true, "42P05": true, // prepared statements and a pooler
		"25006": true, "25P03": true, "25P04": true,
		"40001": true, "40P01": true, "55006": true, "55P03": true, "57014": true, // another's doing, or a time limit
		"22021": false, "23502": false, "23505": false, "42601": false, "42703": false, "42P01": false, "0A000": false, "XX000": false,
	} {
		assert.Equal(t, want, postgres.Unavailable(fmt.Errorf("wrapped: %w", &pgconn.PgError{Code: code})), code)
	}
	assert.True(t, postgres.Unavailable(&pgconn.PgError{Code: "0A000", Message: "cached plan must not change result type"}))
	assert.False(t, postgres.Unavailable(errors.New("anything")))
	assert.False(t, postgres.Unavailable(context.Canceled))
}

func TestExplainLostStatementNamesTheSetting(t *testing.T) {
	t.Parallel()
	for code, named := range map[string]bool{"26000": true, "42P05": true, "42P01": false} {
		lost := fmt.Errorf("wrapped: %w", &pgconn.PgError{Code: code})
		explained := postgres.Explain(lost)
		assert.ErrorIs(t, explained, lost)
		if named {
			assert.ErrorContains(t, explained, "default_query_exec_mode=cache_describe")
			assert.True(t, postgres.Unavailable(explained), "callers try again")
		} else {
			assert.Equal(t, lost, explained)
		}
	}
}
