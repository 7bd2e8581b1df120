package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/testservers"
	"redrive/pkg/webhook"
)

func TestStatsBackfillCountsOnce(t *testing.T) {
	url := testservers.Postgres(t)
	environ := []string{"DATABASE_URL=" + url}
	early := runWith(t, environ, "stats", "backfill")
	assert.Equal(t, 1, early.code)
	assert.Contains(t, early.stderr, "api-service migrate", "it says how to mend it")
	require.Equal(t, 0, runWith(t, environ, "migrate").code)

	opened := openWith(t, url, newKey(t))
	at := webhook.Now().Add(-48 * time.Hour)
	event := webhook.NewEvent("org", webhook.EventSpec{Type: "run.finished", Data: []byte(`{}`)}, at)
	require.NoError(t, opened.CreateEvent(t.Context(), event, nil))
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer func() { _ = conn.Close(context.Background()) }()
	_, err = conn.Exec(t.Context(), "WITH gone AS (DELETE FROM statistics_deltas) UPDATE statistics_state SET counted_from = NULL")
	require.NoError(t, err)

	day := at.Format(time.DateOnly)
	first := runWith(t, environ, "stats", "backfill")
	assert.Equal(t, 0, first.code, first.stderr)
	lines := strings.Split(strings.TrimSpace(first.stdout), "\n")
	assert.Equal(t, day+": 1 counts of organizations replaced, 0 left as they were", lines[len(lines)-2])
	assert.Equal(t, "everything is counted that the database has", lines[len(lines)-1])
	again := runWith(t, environ, "stats", "backfill")
	assert.Contains(t, again.stdout, day+": 0 counts of organizations replaced, 1 left as they were")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stdout, stderr bytes.Buffer
	assert.Equal(t, 1, run(ctx, []string{"stats", "backfill"}, environ, &stdout, &stderr))
}

func TestStatsWrongArgumentsRefused(t *testing.T) {
	for _, args := range [][]string{{"stats"}, {"stats", "merge"}, {"stats", "backfill", "now"}} {
		refused := runWith(t, nil, args...)
		assert.Equal(t, exitInvalid, refused.code)
		assert.Contains(t, refused.stderr, "try --help")
	}
	assert.Equal(t, 0, runWith(t, nil, "stats", "--help").code)
}
