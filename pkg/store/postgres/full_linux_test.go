package postgres_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

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
	disk := smallDisk(t, data)
	_, err := admin.Exec(t.Context(), "CREATE TABLESPACE small LOCATION '"+disk+"'")
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

	require.NoError(t, unix.Mount("tmpfs", filepath.Dir(disk), "tmpfs", unix.MS_REMOUNT, "size=64m"))
	require.NoError(t, opened.Writable(t.Context()))
	assert.False(t, opened.Full())
	require.NoError(t, publish())
}

// smallDisk returns a folder on a disk of 4 MB, with the owner of another folder.
func smallDisk(t *testing.T, like string) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can mount a small disk")
	}
	disk, err := os.MkdirTemp("", "redrive-disk")
	require.NoError(t, err)
	if err := unix.Mount("tmpfs", disk, "tmpfs", 0, "size=4m"); err != nil {
		_ = os.Remove(disk)
		t.Skipf("this machine does not let root mount a small disk: %v", err)
	}
	t.Cleanup(func() {
		assert.NoError(t, unix.Unmount(disk, unix.MNT_DETACH))
		assert.NoError(t, os.Remove(disk))
	})
	owner, err := os.Stat(like)
	require.NoError(t, err)
	status, ok := owner.Sys().(*syscall.Stat_t)
	require.True(t, ok)
	folder := filepath.Join(disk, "tables")
	require.NoError(t, os.Mkdir(folder, 0o700))
	require.NoError(t, os.Chown(folder, int(status.Uid), int(status.Gid)))
	require.NoError(t, os.Chmod(disk, 0o755)) // another user's server has to reach the folder
	return folder
}
