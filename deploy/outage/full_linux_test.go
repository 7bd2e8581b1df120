package outage_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/testservers"
)

// A full disk of the database is reported by both services until it has space again. The outcome of an attempt in flight is recorded then.
func TestFullDiskIsReportedByHealthAndMetrics(t *testing.T) {
	t.Parallel()
	url := testservers.Postgres(t)
	d := &database{t: t, admin: connect(t, url), url: url}
	disk := d.smallDisk()
	s := start(t, url)
	d.exec("ALTER TABLE events SET TABLESPACE small_outage")
	d.exec("ALTER TABLE attempts SET TABLESPACE small_outage")
	s.endpoint()
	release := s.receiver.hold()
	s.publish()
	require.Eventually(t, func() bool { return len(s.receiver.requests()) == 1 }, soon, poll)
	for name, addr := range s.opsAddrs() {
		assert.Equal(t, "0", gauge(t, addr, "redrive_database_full"), name)
	}

	d.fill()
	release()
	large := make([]byte, 24<<10)
	_, _ = rand.Read(large)
	data := map[string]any{"bytes": fmt.Sprintf("%x", large)}
	status, header, answer := s.call(http.MethodPost, "/events", map[string]any{"eventType": "run.finished", "data": data})
	assert.Equal(t, http.StatusServiceUnavailable, status, answer)
	assert.NotEmpty(t, header.Get("Retry-After"))
	for name, addr := range s.opsAddrs() {
		require.Eventually(t, func() bool { return gauge(t, addr, "redrive_database_full") == "1" }, soon, poll, name)
		overall, storage := health(t, addr, "storage")
		assert.Equal(t, "degraded", overall, name)
		assert.Equal(t, "failed", storage, name)
	}

	disk.Grow(64)
	require.Eventually(t, func() bool { return s.statuses()["success"] == 1 }, soon, poll)
	for name, addr := range s.opsAddrs() {
		overall, storage := health(t, addr, "storage")
		assert.Equal(t, "ok", overall, name)
		assert.Equal(t, "ok", storage, name)
		assert.Equal(t, "0", gauge(t, addr, "redrive_database_full"), name)
	}
	for id, times := range s.receiver.requests() {
		assert.Equal(t, 1, times, id)
	}
}

// smallDisk makes the tablespace small_outage on a small disk until the test ends.
func (d *database) smallDisk() *testservers.SmallDisk {
	d.t.Helper()
	var data string
	require.NoError(d.t, d.admin.QueryRow(d.t.Context(), "SHOW data_directory").Scan(&data))
	disk := testservers.NewSmallDisk(d.t, 4)
	d.exec("CREATE TABLESPACE small_outage LOCATION '" + disk.Folder(data) + "'")
	d.t.Cleanup(func() {
		for _, statement := range []string{"DROP TABLE IF EXISTS events, attempts, filler CASCADE", "DROP TABLESPACE small_outage"} {
			_, err := d.admin.Exec(context.Background(), statement)
			assert.NoError(d.t, err)
		}
	})
	return disk
}

// fill uses the space of the small disk up to the last page.
func (d *database) fill() {
	d.t.Helper()
	d.exec("CREATE TABLE filler (line text) TABLESPACE small_outage")
	d.exec("ALTER TABLE filler ALTER line SET STORAGE plain")
	var err error
	for err == nil {
		_, err = d.admin.Exec(d.t.Context(), "INSERT INTO filler VALUES (repeat('x', 7000))")
	}
	require.ErrorContains(d.t, err, "No space left on device")
}
