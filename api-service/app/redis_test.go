package app_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/api-service/app"
	"redrive/pkg/queue/queuetest"
	"redrive/pkg/store"
	"redrive/pkg/store/storetest"
	"redrive/pkg/testservers"
	"redrive/pkg/webhook"
)

// publisher is a service with an endpoint.
type publisher struct {
	t        *testing.T
	store    *store.Store
	service  *app.App
	key      string
	endpoint webhook.Endpoint
}

func newPublisher(t *testing.T, client redis.UniversalClient) publisher {
	t.Helper()
	s := storetest.NewPostgres(t)
	endpoint := webhook.NewEndpoint("org_a", "", webhook.EndpointSpec{Name: "n", URL: "https://example.com"}, "whsec_a", webhook.Now())
	require.NoError(t, s.CreateEndpoint(t.Context(), endpoint))
	p := publisher{t: t, store: s, service: started(t, options(s, client)), key: newKey(t, s), endpoint: endpoint}
	require.Equal(t, 200, list(t, p.service, p.key)) // connected
	return p
}

const (
	eventsPath = "/v1/execution-webhooks/events"
	anEvent    = `{"eventType":"run.finished","data":{}}`
)

func retryPath(id string) string { return "/v1/execution-webhooks/deliveries/" + id + "/retry" }

// failed inserts failed deliveries and returns their IDs.
func (p publisher) failed(count int) []string {
	p.t.Helper()
	now := webhook.Now()
	event := webhook.NewEvent("org_a", webhook.EventSpec{Type: "run.finished", Data: []byte(`{}`)}, now)
	deliveries, ids := make([]webhook.Delivery, count), make([]string, count)
	for i := range deliveries {
		var err error
		deliveries[i], err = webhook.NewDelivery(event, p.endpoint, now).Failed(webhook.FailureEndpointDisabled, now)
		require.NoError(p.t, err)
		ids[i] = deliveries[i].ID
	}
	require.NoError(p.t, p.store.CreateEvent(p.t.Context(), event, deliveries))
	return ids
}

// accepted sends a request and returns an error unless the answer is 200.
func (p publisher) accepted(path, body string) error {
	request, err := http.NewRequest(http.MethodPost, "http://"+p.service.Addr()+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+p.key)
	request.Header.Set("Content-Type", "application/json")
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: safetyLimit}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s was answered %d", path, response.StatusCode)
	}
	return nil
}

// acceptsAll publishes and retries one by one, and then concurrently with more calls than may be in progress. It returns
// when every request is answered. A caller that paused Redis therefore knows that no answer waited for Redis. The wait of a
// request for Redis is tested on virtual time in package enqueue.
func (p publisher) acceptsAll() {
	p.t.Helper()
	ids := p.failed(151)
	require.NoError(p.t, p.accepted(eventsPath, anEvent))
	require.NoError(p.t, p.accepted(retryPath(ids[0]), ""))
	var group sync.WaitGroup
	for _, id := range ids[1:] {
		group.Go(func() { assert.NoError(p.t, p.accepted(retryPath(id), "")) })
		group.Go(func() { assert.NoError(p.t, p.accepted(eventsPath, anEvent)) })
	}
	group.Wait()
}

// explains checks that a waiting delivery is explained by the code, although Redis is not available.
func (p publisher) explains(code string) {
	p.t.Helper()
	id := p.failed(1)[0]
	require.NoError(p.t, p.accepted(retryPath(id), ""))
	status, body, err := get(p.t, p.service.Addr(), "/v1/execution-webhooks/deliveries/"+id+"/explain", p.key)
	require.NoError(p.t, err)
	assert.Equal(p.t, http.StatusOK, status, body)
	assert.Contains(p.t, body, `"code":"`+code+`"`)
}

func (p publisher) becomes(word string) {
	p.t.Helper()
	becomes(p.t, p.service, 200, word)
}

// handsOver checks that a retried delivery gets a task. Redis is emptied first: calls that continue in the background may have filled the
// share of the organization, or may do so in between, and then the delivery waits in its lane.
func (p publisher) handsOver(client redis.UniversalClient) {
	p.t.Helper()
	require.Eventually(p.t, func() bool {
		require.NoError(p.t, client.FlushAll(p.t.Context()).Err())
		id := p.failed(1)[0]
		post(p.t, p.service, retryPath(id), p.key, "", nil)
		task, err := queuetest.Locate(p.t.Context(), client, webhook.QueueDeliveries, id)
		require.NoError(p.t, err)
		return task.State != ""
	}, safetyLimit, 10*time.Millisecond, "no retried delivery gets a task")
}

// Any number of requests are answered while Redis accepts connections but does not answer.
func TestRedisHangsRequestsAnswered(t *testing.T) {
	server, err := testservers.StartRedis(testservers.RedisOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, server.Close()) })
	require.NoError(t, server.Pause())
	client := openRedis(t, server.URL())
	p := newPublisher(t, client)
	p.acceptsAll()
	p.explains("queue_unavailable")
	p.becomes("degraded")

	require.NoError(t, server.Resume())
	p.becomes("ok")
	p.handsOver(client)

	require.NoError(t, server.Pause()) // again, with a connected client
	p.acceptsAll()
	p.explains("queue_unavailable")
	p.becomes("degraded")
	require.NoError(t, server.Resume())
	p.becomes("ok")
	p.handsOver(client)
}

// A full Redis answers but accepts no writes.
func TestRedisFullRequestsAnswered(t *testing.T) {
	server, err := testservers.StartRedis(testservers.RedisOptions{Settings: map[string]string{"maxmemory": "1mb"}})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, server.Close()) })
	client := openRedis(t, server.URL())
	for i := 0; err == nil; i++ {
		err = client.Set(t.Context(), fmt.Sprint("filler", i), strings.Repeat("x", 10_000), 0).Err()
	}
	require.ErrorContains(t, err, "OOM")

	p := newPublisher(t, client)
	p.acceptsAll()
	p.explains("no_dispatcher") // a dispatcher could not write its summary either
	p.becomes("degraded")
	require.NoError(t, client.ConfigSet(t.Context(), "maxmemory", "0").Err())
	p.becomes("ok")
	p.handsOver(client)
}
