package testservers

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestStandbyStreamsIsPromotedAndFollows(t *testing.T) {
	t.Parallel()
	primary, err := StartPostgres(PostgresOptions{Replicated: true})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, primary.Close()) })
	standby, err := StartStandby(primary, PostgresOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, standby.Close()) })

	execute(t, primary.URL(), "CREATE TABLE things (id text)")
	execute(t, primary.URL(), "INSERT INTO things VALUES ('first')")
	require.NoError(t, standby.AwaitReplay(t.Context(), primary))
	assert.Equal(t, "first", queryText(t, standby.URL(), "SELECT id FROM things"))
	_, err = connect(t, standby.URL()).Exec(t.Context(), "INSERT INTO things VALUES ('refused')")
	require.ErrorContains(t, err, "25006")

	require.NoError(t, primary.Kill())
	require.NoError(t, standby.Promote(t.Context()))
	execute(t, standby.URL(), "INSERT INTO things VALUES ('second')")

	address := primary.URL()
	require.NoError(t, primary.Follow(t.Context(), standby))
	assert.Equal(t, address, primary.URL())
	execute(t, standby.URL(), "INSERT INTO things VALUES ('third')")
	require.NoError(t, primary.AwaitReplay(t.Context(), standby))
	assert.Equal(t, "3", queryText(t, primary.URL(), "SELECT count(*)::text FROM things"))
	assert.Equal(t, "true", queryText(t, primary.URL(), "SELECT pg_is_in_recovery()::text"))
}
