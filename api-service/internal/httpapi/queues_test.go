package httpapi

import (
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"testing"

	"github.com/hibiken/asynq"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/queue"
	"redrive/pkg/testservers"
	"redrive/pkg/webhook"
)

const password = "correct horse"

func operator(r *http.Request) { r.SetBasicAuth("operator", password) }

// withQueues serves the UI of a queue with one task.
func withQueues(t *testing.T, options QueuesOptions) (s *service, inspector *asynq.Inspector, id string) {
	t.Helper()
	redis, err := queue.Connect(testservers.Redis(t))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, redis.Close()) })
	id = webhook.NewID(webhook.KindDelivery, webhook.Now())
	_, err = queue.NewEnqueuer(redis).Enqueue(t.Context(), queue.Item{DeliveryID: id, Queue: webhook.QueueDeliveries, DueAt: webhook.Now()})
	require.NoError(t, err)
	s = newService(t, func(d *Dependencies) { d.Redis, d.Queues = redis, options }).withKeys(t)
	return s, asynq.NewInspectorFromRedisClient(redis), id
}

func TestQueuesRequirePassword(t *testing.T) {
	s, _, id := withQueues(t, QueuesOptions{Password: password})
	for name, credentials := range map[string]func(*http.Request){
		"none":           func(*http.Request) {},
		"wrong password": func(r *http.Request) { r.SetBasicAuth("operator", password+"x") },
		"wrong name":     func(r *http.Request) { r.SetBasicAuth("admin", password) },
		"no password":    func(r *http.Request) { r.SetBasicAuth("operator", "") },
		"one shifted":    func(r *http.Request) { r.SetBasicAuth("operator:correct", " horse") },
		"an API key":     header("Authorization", "Bearer "+s.writer),
		"no base64":      header("Authorization", "Basic operator:"+password),
	} {
		t.Run(name, func(t *testing.T) {
			for _, path := range []string{"/queues", "/queues/", "/queues/static/js/main.js", "/queues/api/queues", "/queues/api/redis_info", "/queues/../queues/api/queues"} {
				for _, method := range []string{"GET", "POST", "DELETE"} {
					a := s.call(t, method, path, "", "", credentials)
					assert.Equal(t, 401, a.status, path)
					assert.Contains(t, string(a.body), `"operator_only"`)
					assert.Contains(t, a.header.Get("WWW-Authenticate"), "Basic ", "a browser asks for the password")
				}
			}
		})
	}

	tasks := s.call(t, "GET", "/queues/api/queues/deliveries/pending_tasks", "", "", operator)
	assert.Equal(t, 200, tasks.status)
	assert.Contains(t, string(tasks.body), id)
}

func TestQueuesPageLoadsFromNoOtherHost(t *testing.T) {
	s, _, _ := withQueues(t, QueuesOptions{Password: password})
	for _, path := range []string{"/queues", "/queues/", "/queues/queues/deliveries"} {
		page := s.call(t, "GET", path, "", "", operator)
		require.Equal(t, 200, page.status)
		assert.Contains(t, page.header.Get("Content-Type"), "text/html")
		assert.Equal(t, "DENY", page.header.Get("X-Frame-Options"))
		assert.Contains(t, string(page.body), "<title>")
		assert.Contains(t, string(page.body), `FLAG_ROOT_PATH="\/queues"`)
		assert.NotRegexp(t, `(?i)(href|src)="?(https?:)?//`, string(page.body))
		assert.NotContains(t, string(page.body), "googleapis")

		scripts := regexp.MustCompile(`src="(/queues/[^"]*\.js)"`).FindAllSubmatch(page.body, -1)
		require.NotEmpty(t, scripts)
		for _, script := range scripts {
			served := s.call(t, "GET", string(script[1]), "", "", operator)
			assert.Equal(t, 200, served.status)
			assert.Contains(t, served.header.Get("Content-Type"), "javascript", "a browser takes no other for a script")
			assert.Greater(t, len(served.body), 1000)
		}
	}
}

func TestQueuesReadOnlyByDefault(t *testing.T) {
	s, inspector, id := withQueues(t, QueuesOptions{Password: password})
	assert.Equal(t, 405, s.call(t, "DELETE", "/queues/api/queues/deliveries/pending_tasks/"+id, "", "", operator).status)
	assert.Equal(t, 405, s.call(t, "POST", "/queues/api/queues/deliveries/pending_tasks/"+id+":archive", "", "", operator).status)
	assert.Equal(t, 405, s.call(t, "POST", "/queues/api/queues/deliveries:pause", "", "", operator).status)
	task, err := inspector.GetTaskInfo("deliveries", id)
	require.NoError(t, err)
	assert.Equal(t, asynq.TaskStatePending, task.State)
}

func TestQueuesWritableAllowChanges(t *testing.T) {
	s, inspector, id := withQueues(t, QueuesOptions{Password: password, Writable: true})
	archive := "/queues/api/queues/deliveries/pending_tasks/" + id + ":archive"
	// Another site can make the operator's browser send a request with the password.
	for _, foreign := range []func(*http.Request){header("Origin", "https://evil.example"), header("Sec-Fetch-Site", "cross-site")} {
		a := s.call(t, "POST", archive, "", "", operator, foreign)
		assert.Equal(t, 403, a.status)
		assert.Contains(t, string(a.body), `"cross_origin"`)
	}
	task, err := inspector.GetTaskInfo("deliveries", id)
	require.NoError(t, err)
	require.Equal(t, asynq.TaskStatePending, task.State)

	own := header("Origin", s.url)
	assert.Less(t, s.call(t, "POST", archive, "", "", operator, own, header("Sec-Fetch-Site", "same-origin")).status, 300)
	task, err = inspector.GetTaskInfo("deliveries", id)
	require.NoError(t, err)
	assert.Equal(t, asynq.TaskStateArchived, task.State)
	assert.Less(t, s.call(t, "DELETE", "/queues/api/queues/deliveries/archived_tasks/"+id, "", "", operator).status, 300)
	_, err = inspector.GetTaskInfo("deliveries", id)
	assert.ErrorIs(t, err, asynq.ErrTaskNotFound)
}

func TestQueuesWithoutPasswordDisabled(t *testing.T) {
	s, _, _ := withQueues(t, QueuesOptions{Writable: true})
	for _, path := range []string{"/queues", "/queues/", "/queues/api/queues"} {
		refused(t, s.call(t, "GET", path, "", ""), 401, "unauthenticated")
		refused(t, s.call(t, "GET", path, "", "", operator), 401, "unauthenticated")
		refused(t, s.call(t, "GET", path, "", "", func(r *http.Request) { r.SetBasicAuth("operator", "") }), 401, "unauthenticated")
		refused(t, s.call(t, "GET", path, s.writer, ""), 404, "route_not_found")
	}
}

func TestQueuesOpenNeedNoPassword(t *testing.T) {
	s, _, id := withQueues(t, QueuesOptions{Open: true})
	assert.Equal(t, 200, s.call(t, "GET", "/queues/", "", "").status)
	tasks := s.call(t, "GET", "/queues/api/queues/deliveries/pending_tasks", "", "")
	assert.Contains(t, string(tasks.body), id)
	refused(t, s.call(t, "GET", base, "", ""), 401, "unauthenticated")
}

// Without Redis, the UI answers 503 and the API works.
func TestQueuesRedisUnavailable503(t *testing.T) {
	redis, err := queue.Connect("redis://127.0.0.1:1")
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, redis.Close()) })
	s := newService(t, func(d *Dependencies) { d.Redis, d.Queues = redis, QueuesOptions{Open: true} }).withKeys(t)
	a := s.call(t, "GET", "/queues/api/queues", "", "")
	assert.Equal(t, 503, a.status)
	assert.Contains(t, string(a.body), `"queue_unavailable"`)
	assert.NotEmpty(t, a.header.Get("Retry-After"))
	granted(t, s.call(t, "GET", base, s.reader, ""))
}

func TestLocalPage(t *testing.T) {
	for name, test := range map[string]struct {
		handle func(w http.ResponseWriter)
		want   string
	}{
		"a page in pieces": {
			func(w http.ResponseWriter) {
				_, _ = io.WriteString(w, `<!doctype html><link rel="stylesheet" href="https://fonts.exam`)
				_, _ = io.WriteString(w, `ple.com/css"/><link rel="icon" href="/favicon.ico"/>`)
			}, `<!doctype html><link rel="icon" href="/favicon.ico"/>`,
		},
		"no page": {
			func(w http.ResponseWriter) {
				w.Header().Set("Content-Type", "application/json")
				_, _ = io.WriteString(w, `"<link href=//fonts.example.com>"`)
			}, `"<link href=//fonts.example.com>"`,
		},
		"a status alone": {func(w http.ResponseWriter) { w.WriteHeader(http.StatusNoContent) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			recorder := httptest.NewRecorder()
			page := &localPage{ResponseWriter: recorder}
			test.handle(page)
			require.NoError(t, page.flush())
			assert.Equal(t, test.want, recorder.Body.String())
		})
	}
}
