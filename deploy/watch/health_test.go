package watch_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/deploy/stack"
	"redrive/deploy/stack/process"
)

type health struct {
	code   int
	Status string
	Checks map[string]string
}

func healthAt(t *testing.T, url string) (h health) {
	t.Helper()
	code, body, err := get(t.Context(), url)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal([]byte(body), &h), body)
	h.code = code
	return h
}

// holds reports whether h has the status of want and its checks, among others.
func (h health) holds(want health) bool {
	for name, result := range want.Checks {
		if h.Checks[name] != result {
			return false
		}
	}
	return h.code == want.code && h.Status == want.Status
}

func becomes(t *testing.T, url string, want health) {
	t.Helper()
	require.Eventually(t, func() bool { return healthAt(t, url).holds(want) }, soon, 20*time.Millisecond, "%+v", want)
}

// Without their servers, both programs are alive but not ready.
func TestLivezNeedsNoServer(t *testing.T) {
	t.Parallel()
	for _, program := range built(t).all() {
		service := process.New(process.Options{Name: filepath.Base(program), Program: program, Settings: valid("DRAIN_DELAY=0s"), StopLimit: soon})
		require.NoError(t, service.Start(nil))
		assert.Equal(t, health{code: 200, Status: "ok"}, healthAt(t, service.OpsURL()+"/livez"))
		ready := healthAt(t, service.OpsURL()+"/readyz")
		assert.True(t, ready.holds(health{503, "unavailable", map[string]string{"database": "failed", "redis": "failed"}}), "%+v", ready)
		require.NoError(t, service.Stop())
	}
}

// Without Redis the services are degraded and stay in the load balancer. They become ready again without a restart when Redis is back.
func TestReadyzWithoutRedisIsDegraded(t *testing.T) {
	t.Parallel()
	s := stack.Processes(t, stack.Options{})
	well := health{200, "ok", map[string]string{"database": "ok", "redis": "ok"}}
	for _, url := range s.OpsURLs() {
		becomes(t, url+"/readyz", well)
	}
	require.NoError(t, s.Redis().Stop())
	for _, url := range s.OpsURLs() {
		becomes(t, url+"/readyz", health{200, "degraded", map[string]string{"database": "ok", "redis": "failed"}})
		assert.Equal(t, 200, healthAt(t, url+"/livez").code)
	}
	post(t, s.URL()+base+"/events", s.Key(), `{"eventType":"run.finished","data":{}}`)
	require.NoError(t, s.Redis().Restart(t.Context()))
	for _, url := range s.OpsURLs() {
		becomes(t, url+"/readyz", well)
	}
}

// A service that is stopping is not ready while it completes its work.
func TestReadyzWhileDrainingIsUnready(t *testing.T) {
	t.Parallel()
	s := stack.Processes(t, stack.Options{Settings: map[string]string{"DRAIN_DELAY": "2s"}})
	sending, release := make(chan struct{}), make(chan struct{})
	receiver := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(sending)
		<-release
	}))
	t.Cleanup(receiver.Close)
	post(t, s.URL()+base, s.Key(), `{"name":"test","url":"`+receiver.URL+`"}`)
	post(t, s.URL()+base+"/events", s.Key(), `{"eventType":"run.finished","data":{}}`)
	<-sending

	draining := health{code: 503, Status: "draining"}
	dispatcher := s.Dispatchers()[0]
	require.NoError(t, dispatcher.Terminate())
	becomes(t, dispatcher.OpsURL()+"/readyz", draining)
	assert.Equal(t, 200, healthAt(t, dispatcher.OpsURL()+"/livez").code)
	close(release)
	code, err := dispatcher.Wait()
	require.NoError(t, err)
	assert.Zero(t, code)

	require.NoError(t, s.API().Terminate())
	becomes(t, s.API().OpsURL()+"/readyz", draining)
	assert.Equal(t, 200, healthAt(t, s.API().OpsURL()+"/livez").code)
	post(t, s.URL()+base+"/events", s.Key(), `{"eventType":"run.finished","data":{}}`)
	code, err = s.API().Wait()
	require.NoError(t, err)
	assert.Zero(t, code)
}
