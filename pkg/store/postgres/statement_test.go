package postgres_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/store/postgres"
	"redrive/pkg/store/storetest"
	"redrive/pkg/testservers"
	"redrive/pkg/webhook"
)

// deadlines records how much time the statements that create events have.
type deadlines struct{ left []time.Duration }

func (d *deadlines) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	if strings.Contains(data.SQL, "INSERT INTO events") {
		deadline, ok := ctx.Deadline()
		if ok {
			d.left = append(d.left, time.Until(deadline))
		}
	}
	return ctx
}

func (*deadlines) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// A statement of a batch has the configured time, although the caller has more. The limits are hours apart, so that no machine is too slow.
func TestCreateEventsStatementHasConfiguredTimeout(t *testing.T) {
	t.Parallel()
	const timeout, callers = 10 * time.Hour, 100 * time.Hour
	recorder := &deadlines{}
	opened, err := postgres.Open(postgres.Options{
		URL: testservers.Postgres(t), MaxConnections: 1, StatementTimeout: timeout, Tracer: recorder,
	}, storetest.Sealer(t))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, opened.Close()) })
	storetest.Migrated(t, opened)

	ctx, cancel := context.WithTimeout(t.Context(), callers)
	defer cancel()
	event := webhook.NewEvent("org", webhook.EventSpec{Type: "a", Data: json.RawMessage(`{}`)}, webhook.Now())
	require.NoError(t, opened.CreateEvent(ctx, event, nil))
	require.Len(t, recorder.left, 1)
	assert.LessOrEqual(t, recorder.left[0], timeout)
	assert.Greater(t, recorder.left[0], timeout/2)
}
