package postgres_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/store/storetest"
	"redrive/pkg/testservers"
	"redrive/pkg/webhook"
)

// A full disk is detected by a failed statement, and free space by a probe.
func TestDiskFullIsDetectedAndRecovers(t *testing.T) {
	url := testservers.Postgres(t)
	admin := connect(t, url)
	var data string
	require.NoError(t, admin.QueryRow(t.Context(), "SHOW data_directory").Scan(&data))
	disk := testservers.NewSmallDisk(t, 4)
	_, err := admin.Exec(t.Context(), "CREATE TABLESPACE small LOCATION '"+disk.Folder(data)+"'")
	require.NoError(t, err)
	opened := storetest.Migrated(t, storetest.OpenPostgres(t, url))
	_, err = admin.Exec(t.Context(), "ALTER TABLE events SET TABLESPACE small")
	require.NoError(t, err)
	t.Cleanup(func() {
		for _, statement := range []string{"DROP TABLE events", "DROP TABLESPACE small"} {
			_, err := admin.Exec(context.Background(), statement)
			assert.NoError(t, err)
		}
	})
	require.NoError(t, opened.Writable(t.Context()))

	random := make([]byte, 48<<10)
	publish := func() error {
		_, _ = rand.Read(random)
		text, err := json.Marshal(random)
		require.NoError(t, err)
		return opened.CreateEvent(t.Context(), webhook.NewEvent("org", webhook.EventSpec{Type: "a", Data: text}, webhook.Now()), nil)
	}
	for err = publish(); err == nil; err = publish() {
	}
	assert.Equal(t, webhook.CodeUnavailable, webhook.CodeOf(err))
	assert.True(t, opened.Full())
	require.NoError(t, opened.Ping(t.Context()), "reads work")
	assert.Equal(t, webhook.CodeUnavailable, webhook.CodeOf(opened.CheckSpace(t.Context())))
	assert.Equal(t, webhook.CodeUnavailable, webhook.CodeOf(opened.Writable(t.Context())))

	disk.Grow(64)
	require.NoError(t, opened.Writable(t.Context()))
	assert.False(t, opened.Full())
	require.NoError(t, publish())
}
