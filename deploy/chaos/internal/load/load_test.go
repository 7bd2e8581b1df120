package load

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// api accepts every publication at the second try.
type api struct {
	mutex  sync.Mutex
	tries  map[string]int
	events map[string]int // accepted, by key and path
	next   int
}

func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	var body struct{ Events []json.RawMessage }
	text := json.NewDecoder(r.Body)
	if err := text.Decode(&body); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	count := max(1, len(body.Events))
	if a.tries[r.URL.Path]++; a.tries[r.URL.Path] == 1 {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	a.events[r.Header.Get("Authorization")+" "+r.URL.Path] += count
	results := make([]map[string]any, count)
	for i := range results {
		a.next++
		results[i] = map[string]any{"deliveries": []map[string]string{{"id": fmt.Sprintf("dlv_%d", a.next)}}}
	}
	data := any(map[string]any{"results": results})
	if len(body.Events) == 0 {
		data = results[0]
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"data": data})
}

// Organizations get equal parts of the deliveries. Those that flood publish in batches. All accepted deliveries are recorded.
func TestPublishFloodsInBatches(t *testing.T) {
	a := &api{tries: map[string]int{}, events: map[string]int{}}
	server := httptest.NewServer(a)
	defer server.Close()
	client := NewClient()
	defer client.CloseIdleConnections()
	l := New(server.URL, client, []Organization{
		{ID: "flood", Key: "flood", Endpoints: 1, Burst: 60}, {ID: "other", Key: "other", Endpoints: 1, Burst: 1},
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	l.Publish(ctx, 250, 0, nil)
	require.Equal(t, 250, l.Count())
	assert.ElementsMatch(t, unique(l.Accepted()), l.Accepted())
	assert.Equal(t, map[string]int{"Bearer flood " + Path + "/events/batch": 120, "Bearer other " + Path + "/events": 130}, a.events)
	assert.Equal(t, 2, l.Refusals())
	odd, examples := l.Oddities()
	assert.Zero(t, odd, examples)
}

func unique(ids []string) (once []string) {
	seen := map[string]bool{}
	for _, id := range ids {
		if !seen[id] {
			once = append(once, id)
		}
		seen[id] = true
	}
	return once
}
