package watch_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"

	"redrive/deploy/stack"
)

// received has the names of the spans that a collector received, by trace and service.
type received struct {
	mutex sync.Mutex
	spans map[string]map[string][]string
}

func (r *received) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body := io.Reader(request.Body)
	if request.Header.Get("Content-Encoding") == "gzip" {
		unpacked, err := gzip.NewReader(body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		body = unpacked
	}
	content, err := io.ReadAll(body)
	var sent collector.ExportTraceServiceRequest
	if err != nil || request.URL.Path != "/v1/traces" || proto.Unmarshal(content, &sent) != nil {
		http.Error(w, "not OTLP", http.StatusBadRequest)
		return
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	for _, resource := range sent.GetResourceSpans() {
		var service string
		for _, attribute := range resource.GetResource().GetAttributes() {
			if attribute.GetKey() == "service.name" {
				service = attribute.GetValue().GetStringValue()
			}
		}
		for _, scope := range resource.GetScopeSpans() {
			for _, span := range scope.GetSpans() {
				id := string(span.GetTraceId())
				if r.spans[id] == nil {
					r.spans[id] = map[string][]string{}
				}
				r.spans[id][service] = append(r.spans[id][service], span.GetName())
			}
		}
	}
}

// Both programs export their spans before they end, and their spans are in the same trace.
func TestProgramsSendTraces(t *testing.T) {
	t.Parallel()
	got := &received{spans: map[string]map[string][]string{}}
	server := httptest.NewServer(got)
	t.Cleanup(server.Close)
	s := stack.Processes(t, stack.Options{Settings: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": server.URL, "SEND_TRACEPARENT": "true"}})
	arrived := make(chan string, 1)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { arrived <- r.Header.Get("Traceparent") }))
	t.Cleanup(receiver.Close)

	require.Eventually(t, func() bool { // before that, the rebuild of the queue may enqueue the delivery instead of the request
		_, body, err := get(t.Context(), s.OpsURLs()[1]+"/metrics")
		return err == nil && !strings.Contains(body, "redrive_reconcile_duration_seconds_count 0\n") // a pass has ended
	}, soon, 20*time.Millisecond)
	post(t, s.URL()+base, s.Key(), `{"name":"test","url":"`+receiver.URL+`"}`)
	post(t, s.URL()+base+"/events", s.Key(), `{"eventType":"run.finished","data":{}}`)
	traceparent := <-arrived
	require.NoError(t, s.Stop())

	got.mutex.Lock()
	defer got.mutex.Unlock()
	for id, services := range got.spans {
		if strings.Contains(traceparent, hexadecimal(id)) {
			assert.Contains(t, services["api-service"], "POST "+base+"/events")
			assert.Contains(t, services["api-service"], "enqueue")
			assert.Contains(t, services["dispatcher-service"], "deliver")
			assert.Contains(t, services["dispatcher-service"], "POST")
			return
		}
	}
	assert.Fail(t, "no such trace has arrived", traceparent)
}
