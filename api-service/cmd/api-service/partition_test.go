package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/testservers"
)

func TestPartitionDividesOnce(t *testing.T) {
	environ := []string{"DATABASE_URL=" + testservers.Postgres(t)}
	early := runWith(t, environ, "partition")
	assert.Equal(t, 1, early.code)
	assert.Contains(t, early.stderr, "api-service migrate")

	require.Equal(t, 0, runWith(t, environ, "migrate").code)
	first := runWith(t, environ, "partition")
	require.Equal(t, 0, first.code, first.stderr)
	assert.Contains(t, first.stdout, "the tables are divided by month, after")
	assert.Equal(t, result{0, "the tables are divided by month already\n", ""}, runWith(t, environ, "partition"))
	assert.Equal(t, result{0, "the schema is up to date\n", ""}, runWith(t, environ, "migrate"))
	assert.Equal(t, 2, runWith(t, environ, "partition", "now").code)
}
