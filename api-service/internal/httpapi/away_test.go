package httpapi

import (
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/api-service/internal/authn"
	"redrive/pkg/store/storetest"
	"redrive/pkg/testservers"
	"redrive/pkg/webhook"
)

// Without its database, every route answers 503, whether the key or the resource cannot be read, and in
// a bounded time. The API works again as soon as the database does.
func TestDatabaseUnavailableEveryRoute503(t *testing.T) {
	server, err := testservers.StartPostgres(testservers.PostgresOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, server.Close()) })
	opened := storetest.OpenPostgres(t, server.URL())
	_, err = opened.Migrate(t.Context())
	require.NoError(t, err)
	s := serve(t, opened).withKeys(t)
	authenticated := serve(t, opened, func(d *Dependencies) { d.Authenticator = authn.New(oneKey{}, unnoted{}, authn.Options{}) })
	own := s.resources(t)
	deliveryID := own[webhook.KindDelivery]

	away := func(t *testing.T) {
		for _, r := range protected(t) {
			for _, service := range []*service{s, authenticated} {
				a := service.call(t, r.method, r.of(own), s.writer, r.body())
				refused(t, a, 503, "database_unavailable")
				seconds, err := strconv.Atoi(a.header.Get("Retry-After"))
				require.NoError(t, err)
				assert.Positive(t, seconds)
				assert.NotContains(t, string(a.body), "127.0.0.1")
			}
		}
		// Errors that need no database stay the same.
		refused(t, s.call(t, "GET", base, "", ""), 401, "unauthenticated")
		refused(t, authenticated.call(t, "GET", "/x", s.writer, ""), 404, "route_not_found")
		refused(t, authenticated.call(t, "POST", base, s.writer, "{"), 400, "malformed_json")
		assert.Equal(t, 200, s.call(t, "GET", "/openapi.json", "", "").status)
	}

	require.NoError(t, server.Stop())
	start := time.Now()
	t.Run("stopped", away)
	stopped := time.Since(start) / time.Duration(2*len(protected(t)))

	require.NoError(t, server.Restart(t.Context()))
	s.recovers(t)
	require.NoError(t, server.Kill())
	t.Run("killed", away)
	require.NoError(t, server.Restart(t.Context()))
	s.recovers(t)
	granted(t, s.call(t, "GET", deliveries+"/"+deliveryID, s.reader, ""))

	require.NoError(t, server.Pause()) // the server accepts connections but does not answer
	var asked []*hanging
	var group sync.WaitGroup
	for _, r := range protected(t) {
		for _, service := range []*service{s, authenticated} {
			h := &hanging{request: service.request(t, r.method, r.of(own), s.writer, r.body())}
			asked = append(asked, h)
			group.Go(func() { h.ask(service.client) })
		}
	}
	group.Wait()
	for _, h := range asked {
		require.NoError(t, h.err)
		a := readAnswer(t, h.response)
		refused(t, a, 503, "database_unavailable")
		assert.NotEmpty(t, a.header.Get("Retry-After"))
		assert.Less(t, stopped, h.took, "an answer waited for a database that refuses connections as long as for one that hangs")
	}
	require.NoError(t, server.Resume())
	s.recovers(t)
	assert.Equal(t, string(webhook.StatusPending), granted(t, s.call(t, "GET", deliveries+"/"+deliveryID, s.reader, ""))["status"])
}

// recovers waits until the service uses its database again. On a busy machine, the first requests after a restart may be answered 503.
func (s *service) recovers(t *testing.T) {
	t.Helper()
	require.Eventually(t, func() bool { return s.call(t, "GET", base, s.reader, "").status == http.StatusOK }, time.Minute, 10*time.Millisecond)
}

// hanging sends a request while the database hangs, and checks that it is answered in time.
type hanging struct {
	request  *http.Request
	response *http.Response
	took     time.Duration
	err      error
}

func (h *hanging) ask(client *http.Client) {
	begin := time.Now()
	h.response, h.err = client.Do(h.request)
	h.took = time.Since(begin)
}
