package compose_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const proxyConfiguration = repository + "/deploy/docker/proxy/haproxy.cfg"

func contextOf(t *testing.T) context.Context { return context.WithoutCancel(t.Context()) }

// proxyClient makes requests without keep-alive, so that no connection remains after the test.
var proxyClient = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

func ask(t require.TestingT, method, url, body string) *http.Response {
	request, err := http.NewRequest(method, url, strings.NewReader(body))
	require.NoError(t, err)
	response, err := proxyClient.Do(request)
	require.NoError(t, err)
	_, err = io.Copy(io.Discard, response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return response
}

func TestProxyReplicasShareTheRequests(t *testing.T) {
	names, requests := startNameServer(t), newRequestLog()
	names.set("api-service", firstReplica, otherReplica)
	startReplica(t, firstReplica, recording("first", requests))
	startReplica(t, otherReplica, recording("other", requests))
	url := startProxy(t, names)

	require.EventuallyWithT(t, func(c *assert.CollectT) {
		response := ask(c, http.MethodPost, url+"/", "shared")
		assert.Equal(c, http.StatusOK, response.StatusCode)
		assert.Equal(c, "127.0.0.1", response.Header.Get("X-Seen-From"))
		assert.Equal(c, proxyAddress+":8080", response.Header.Get("X-Seen-Host"))
		_, from := requests.counts()
		assert.Len(c, from, 2, "both replicas are found")
	}, startLimit, time.Millisecond)

	large := strings.Repeat("x", 4<<20)
	response := ask(t, http.MethodPost, url+"/large", large)
	assert.Equal(t, http.StatusOK, response.StatusCode)
	read, _ := requests.counts()
	assert.Equal(t, 1, read["/large"+large])
}

// The only replica is replaced by one at another address during requests.
func TestProxyOnlyReplicaReplacedLosesNoRequest(t *testing.T) {
	names, requests := startNameServer(t), newRequestLog()
	names.set("api-service", firstReplica)
	old := startReplica(t, firstReplica, recording("old", requests))
	url := startProxy(t, names)

	const clients = 8
	var number, answered atomic.Int64
	var group sync.WaitGroup
	enough := make(chan struct{})
	for range clients {
		group.Go(func() {
			for {
				id := fmt.Sprintf("/%d", number.Add(1))
				response, err := proxyClient.Post(url+id, "text/plain", nil)
				if assert.NoError(t, err) {
					assert.Equal(t, http.StatusOK, response.StatusCode, id)
					_ = response.Body.Close()
				}
				answered.Add(1)
				select {
				case <-enough:
					return
				default:
				}
			}
		})
	}
	reached := func(count int64) {
		require.Eventually(t, func() bool { return answered.Load() >= count }, startLimit, time.Millisecond)
	}
	reached(200)
	old.stop(t)
	names.set("api-service") // as during the replacement of a container
	held := answered.Load()
	names.set("api-service", otherReplica)
	startReplica(t, otherReplica, recording("new", requests))
	reached(held + 200)
	close(enough)
	group.Wait()

	read, from := requests.counts()
	assert.Len(t, read, int(number.Load()), "every request has been read")
	for id, times := range read {
		assert.Equal(t, 1, times, id)
	}
	assert.Positive(t, from["old"])
	assert.Positive(t, from["new"])
}

// A replica that dies during a request may have executed it. A POST is therefore not sent again.
func TestProxyReplicaDiesWithARequestRepeatsGETAlone(t *testing.T) {
	names, requests := startNameServer(t), newRequestLog()
	names.set("api-service", firstReplica)
	startReplica(t, firstReplica, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		requests.add("first", r.Method+string(body))
		panic(http.ErrAbortHandler) // closes the connection without an answer
	}))
	url := startProxy(t, names)

	assert.Equal(t, http.StatusBadGateway, ask(t, http.MethodPost, url+"/", "once").StatusCode)
	read, _ := requests.counts()
	assert.Equal(t, map[string]int{"POSTonce": 1}, read)

	reading, cancel := context.WithCancel(t.Context())
	defer cancel()
	request, err := http.NewRequestWithContext(reading, http.MethodGet, url+"/", nil)
	require.NoError(t, err)
	var group sync.WaitGroup
	group.Go(func() {
		if response, err := proxyClient.Do(request); err == nil {
			_ = response.Body.Close()
		}
	})
	require.Eventually(t, func() bool {
		requests.mutex.Lock()
		defer requests.mutex.Unlock()
		return requests.read["GET"] > 1
	}, startLimit, time.Millisecond, "a GET is repeated")
	cancel()
	group.Wait()
}
