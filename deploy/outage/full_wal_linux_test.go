package outage_test

import (
	"context"
	"errors"
	"net/http"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/testservers"
)

// PostgreSQL ends when the disk of its write-ahead log is full, and cannot recover until the disk has space. Requests are answered 503 until
// then. The outcome of an attempt in flight is recorded after the recovery, and no webhook is sent twice.
func TestFullDiskOfWriteAheadLogLosesNothing(t *testing.T) {
	t.Parallel()
	server, disk := smallWriteAheadLog(t)
	s := start(t, server.URL())
	s.endpoint()
	release := s.receiver.hold()
	s.publish()
	require.Eventually(t, func() bool { return len(s.receiver.requests()) == 1 }, soon, poll)

	fillWriteAheadLog(t, server)
	release()
	require.Eventually(t, s.away, soon, poll)
	status, header, answer := s.call(http.MethodPost, "/events", map[string]any{"eventType": "run.finished", "data": map[string]any{}})
	assert.Equal(t, http.StatusServiceUnavailable, status, answer)
	assert.NotEmpty(t, header.Get("Retry-After"))

	disk.Grow(512)
	require.NoError(t, server.Restart(t.Context()))
	require.Eventually(t, func() bool { return s.statuses()["success"] == 1 }, soon, poll)
	assert.False(t, s.away())
	s.publish()
	require.Eventually(t, func() bool { return s.statuses()["success"] == 2 }, soon, poll)
	for id, times := range s.receiver.requests() {
		assert.Equal(t, 1, times, id)
	}
}

// smallWriteAheadLog starts a server whose write-ahead log is on a disk of its own, which has room for three or four of its files. The server
// keeps all of them.
func smallWriteAheadLog(t *testing.T) (*testservers.PostgresServer, *testservers.SmallDisk) {
	t.Helper()
	disk := testservers.NewSmallDisk(t, 70)
	server, err := testservers.StartPostgres(testservers.PostgresOptions{Settings: map[string]string{"wal_keep_size": "4GB"}})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, server.Close()) })
	var data string
	require.NoError(t, connect(t, server.URL()).QueryRow(t.Context(), "SHOW data_directory").Scan(&data))
	require.NoError(t, server.Stop())
	files, folder := filepath.Join(data, "pg_wal"), disk.Folder(data)
	for _, command := range [][]string{
		{"cp", "-a", files + "/.", folder}, {"rm", "-r", files}, {"ln", "-s", folder, files},
	} {
		output, err := exec.CommandContext(t.Context(), command[0], command[1:]...).CombinedOutput()
		require.NoError(t, err, "%s", output)
	}
	require.NoError(t, server.Restart(t.Context()))
	return server, disk
}

// fillWriteAheadLog writes until the server ends. It recovers from the first failures, since the records that did not fit are discarded:
// smaller ones follow.
func fillWriteAheadLog(t *testing.T, server *testservers.PostgresServer) {
	t.Helper()
	for size := 1_000_000; ; size = max(1, size/10) {
		var admin *pgx.Conn
		var err error
		require.Eventually(t, func() bool {
			admin, err = pgx.Connect(t.Context(), server.URL())
			return err == nil || errors.Is(err, syscall.ECONNREFUSED)
		}, soon, poll)
		if err != nil {
			return
		}
		for err == nil {
			_, err = admin.Exec(t.Context(), "SELECT pg_logical_emit_message(false, 'filler', repeat('x', $1))", size)
		}
		_ = admin.Close(context.Background())
	}
}
