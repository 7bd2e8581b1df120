package httpapi

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/store"
	"redrive/pkg/store/postgres"
	"redrive/pkg/store/storetest"
	"redrive/pkg/webhook"
)

func TestSplitKeepsBatchesSmall(t *testing.T) {
	sized := func(sizes ...int64) (items []webhook.Sized) {
		for i, size := range sizes {
			items = append(items, webhook.Sized{ID: fmt.Sprint(i), Bytes: size})
		}
		return items
	}
	const half = batchBytes / 2
	for name, c := range map[string]struct {
		items []webhook.Sized
		ids   string
		cost  int64
	}{
		"nothing":            {nil, "[]", 0},
		"small":              {sized(1, 2, 3), "[[0 1 2]]", 6 + 3*3},
		"to the limit":       {sized(half, half, 1), "[[0 1] [2]]", batchBytes + 3*half},
		"larger than all":    {sized(1, 2*batchBytes, 1), "[[0] [1] [2]]", 8 * batchBytes},
		"of nothing but IDs": {sized(0, 0), "[[0 1]]", 0},
	} {
		batches := split(c.items)
		ids := make([][]string, len(batches))
		for i, b := range batches {
			ids[i] = b.ids
		}
		assert.Equal(t, c.ids, fmt.Sprint(ids), name)
		assert.Equal(t, c.cost, costOf(batches), name)
	}
}

// watchedStore is a Store whose reading of deliveries a test follows, or has fail.
type watchedStore struct {
	*store.Store
	reads atomic.Int32
	began chan struct{} // receives a value with each batch, if it is not nil
	fail  int32         // the batch that fails, from 1
}

func (s *watchedStore) ReadDeliveries(ctx context.Context, organizationID string, ids []string) ([]webhook.Record, error) {
	n := s.reads.Add(1)
	if s.began != nil {
		s.began <- struct{}{}
	}
	if n == s.fail {
		return nil, webhook.Unavailable(databaseRetryAfter, io.ErrUnexpectedEOF)
	}
	return s.Store.ReadDeliveries(ctx, organizationID, ids)
}

func watched(s *watchedStore) func(*Dependencies) {
	return func(d *Dependencies) { d.Deliveries = s }
}

// onePool is a service whose database has a single connection.
func onePool(t *testing.T) *store.Store {
	t.Helper()
	opened, err := postgres.Open(postgres.Options{URL: storetest.MigratedPostgres(t), MaxConnections: 1}, storetest.Sealer(t))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, opened.Close()) })
	return opened
}

// publishSized publishes events with so much data to one endpoint.
func (s *service) publishSized(t *testing.T, count, size int) {
	t.Helper()
	s.endpoint(t, s.writer)
	for range count {
		body := fmt.Sprintf(`{"eventType": "run.finished", "data": {"x":"%s"}}`, strings.Repeat("x", size))
		granted(t, s.call(t, "POST", base+"/events", s.writer, body))
	}
}

// A client that reads nothing holds neither the page nor a connection. It gets the whole page once it reads.
func TestListSlowReaderHoldsNoConnection(t *testing.T) {
	opened := &watchedStore{Store: onePool(t), began: make(chan struct{}, 200)}
	s := serve(t, opened.Store, watched(opened)).withKeys(t)
	const count = 40
	s.publishSized(t, count, 900_000)

	conn, reader := s.connection(t)
	_, err := fmt.Fprintf(conn, "GET %s?limit=100 HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %s\r\n\r\n", deliveries, s.reader)
	require.NoError(t, err)
	<-opened.began
	for range 3 {
		granted(t, s.call(t, "GET", base, s.reader, "")) // the one connection is free between two batches
	}
	assert.Less(t, opened.reads.Load(), int32(count), "the page is not in memory as a whole")

	go func() {
		for range opened.began { // so that no batch blocks
		}
	}()
	data := granted(t, readResponse(t, reader))
	close(opened.began)
	require.Len(t, data["items"], count)
	assert.EqualValues(t, count, opened.reads.Load(), "each was a batch")
	assertNewestFirst(t, data)
}

func assertNewestFirst(t *testing.T, data map[string]any) {
	t.Helper()
	before := "~"
	for _, item := range data["items"].([]any) {
		id := item.(map[string]any)["id"].(string)
		assert.Less(t, id, before)
		before = id
	}
}

// A list that fails after its first byte breaks off, so that no client takes it for a page.
func TestListFailureAfterFirstByteAborts(t *testing.T) {
	opened := &watchedStore{Store: storetest.NewPostgres(t), fail: 2}
	s := serve(t, opened.Store, watched(opened)).withKeys(t)
	s.publishSized(t, 3, 400_000)
	response, err := s.client.Do(s.request(t, "GET", deliveries, s.reader, ""))
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	assert.Equal(t, http.StatusOK, response.StatusCode)
	body, err := io.ReadAll(response.Body)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	assert.False(t, json.Valid(body))

	lines := s.lines(t)
	last := lines[len(lines)-1]
	assert.Equal(t, "ERROR", last["level"])
	assert.Contains(t, last["error"], "database")
}

func TestListFailureBeforeFirstByteIsAnswered(t *testing.T) {
	opened := &watchedStore{Store: storetest.NewPostgres(t), fail: 1}
	s := serve(t, opened.Store, watched(opened)).withKeys(t)
	s.publishSized(t, 1, 10)
	refused(t, s.call(t, "GET", deliveries, s.reader, ""), 503, "database_unavailable")
}

// A client that goes away is no failure of this service.
func TestListAbandonedByClientIsNoError(t *testing.T) {
	opened := &watchedStore{Store: storetest.NewPostgres(t)}
	s := serve(t, opened.Store, watched(opened)).withKeys(t)
	s.publishSized(t, 20, 900_000)
	conn, reader := s.connection(t)
	_, err := fmt.Fprintf(conn, "GET %s?limit=100 HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %s\r\n\r\n", deliveries, s.reader)
	require.NoError(t, err)
	_, err = http.ReadResponse(bufio.NewReaderSize(reader, 16), nil)
	require.NoError(t, err)
	require.NoError(t, conn.Close())
	lines := s.lines(t)
	assert.Equal(t, "INFO", lines[len(lines)-1]["level"], "%v", lines[len(lines)-1])
}
