package httpapi

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"redrive/pkg/webhook"
)

// queuesRequests are requests of asynqmon's API that find nothing, do not apply or are malformed, with their status if the web
// UI may change tasks.
func queuesRequests(id string) map[string]int {
	other := webhook.NewID(webhook.KindDelivery, webhook.Now())
	return map[string]int{
		"GET /metrics": 404, "GET /metrics?duration=3600&endtime=1&queues=deliveries": 404, "GET ": 404, "GET /": 404, "GET /nothing": 404,
		"POST /nothing": 404, "GET /queues/": 404, "GET /queues/a/b/c": 404, "GET /queues/%00": 404, "GET /queues/%20": 404, "GET /queues/%ff": 404,
		"GET /queues/deliveries:pause": 404, "GET /queues/deliveries:resume": 404, "GET /queues/deliveries:": 404, "GET /queues/nothing": 404,
		"DELETE /queues/nothing": 404, "POST /queues/deliveries:resume": 400, "POST /queues/nothing:resume": 400, "DELETE /queues/deliveries": 400,
		"POST /queues": 405, "PUT /queues/deliveries": 405, "PATCH /queues/deliveries": 405, "DELETE /queue_stats": 405, "POST /redis_info": 405,
		"GET /queues/nothing/active_tasks": 404, "GET /queues/nothing/pending_tasks": 404, "GET /queues/nothing/scheduled_tasks": 404,
		"GET /queues/nothing/retry_tasks": 404, "GET /queues/nothing/archived_tasks": 404, "GET /queues/nothing/completed_tasks": 404,
		"GET /queues/nothing/groups": 404, "GET /queues/nothing/groups/g/aggregating_tasks": 404, "GET /queues/deliveries/nothing_tasks": 404,
		"GET /queues/deliveries/tasks/" + other: 404, "GET /queues/deliveries/tasks/%00": 404, "GET /queues/nothing/tasks/" + id: 404,
		"GET /queues/deliveries/tasks/": 404, "GET /scheduler_entries/nothing/enqueue_events/x": 404,
		"GET /queues/deliveries/pending_tasks?size=0": 400, "GET /queues/deliveries/pending_tasks?size=-1": 400,
		"GET /queues/deliveries/pending_tasks?size=x": 400, "GET /queues/deliveries/pending_tasks?size=99999999999999999999": 400,
		"GET /queues/deliveries/pending_tasks?page=0": 400, "GET /queues/deliveries/pending_tasks?page=-1": 400,
		"GET /queues/deliveries/pending_tasks?page=9223372036854775807": 400, "GET /queues/deliveries/pending_tasks?page=1.5": 400,
		"POST /queues/deliveries/pending_tasks/" + id + ":run": 405, "DELETE /queues/deliveries/pending_tasks/" + other: 404,
		"POST /queues/deliveries/pending_tasks/" + other + ":archive": 404, "POST /queues/deliveries/archived_tasks/" + other + ":run": 404,
		"POST /queues/deliveries/archived_tasks/" + id + ":run": 400, "POST /queues/nothing/archived_tasks/" + id + ":run": 404,
		"POST /queues/nothing/archived_tasks:run_all": 404, "DELETE /queues/nothing/archived_tasks:delete_all": 404,
		"POST /queues/nothing/pending_tasks:archive_all": 404, "POST /queues/nothing/active_tasks:cancel_all": 404,
		"POST /queues/deliveries/archived_tasks:batch_run": 400, "POST /queues/deliveries/active_tasks:batch_cancel": 400,
	}
}

func TestQueuesUnknownResourceNotFound(t *testing.T) {
	for name, options := range map[string]QueuesOptions{"writable": {Open: true, Writable: true}, "read-only": {Open: true}} {
		t.Run(name, func(t *testing.T) {
			s, _, id := withQueues(t, options)
			for request, status := range queuesRequests(id) {
				method, path, _ := strings.Cut(request, " ")
				if !options.Writable && method != "GET" {
					status = 405
				}
				a := s.call(t, method, queuesAPI+path, "", "")
				assert.Equal(t, status, a.status, "%s: %s", request, a.body)
			}
			for _, path := range []string{
				"/queues", "/queues/deliveries", "/queue_stats", "/servers", "/scheduler_entries", "/scheduler_entries/nothing/enqueue_events", "/redis_info",
				"/queues/deliveries/pending_tasks", "/queues/deliveries/pending_tasks?size=1000&page=1000000", "/queues/deliveries/pending_tasks?size=&page=",
				"/queues/deliveries/groups", "/queues/deliveries/groups/nothing/aggregating_tasks", "/queues/deliveries/tasks/" + id,
			} {
				a := s.call(t, "GET", queuesAPI+path, "", "")
				assert.Equal(t, 200, a.status, "%s: %s", path, a.body)
				assert.True(t, json.Valid(a.body), path)
			}
			for _, line := range s.lines(t) {
				assert.NotEqual(t, "ERROR", line["level"], "%v", line)
			}
		})
	}
}

func TestQueuesPageReadOnly(t *testing.T) {
	s, _, _ := withQueues(t, QueuesOptions{Open: true, Writable: true})
	for _, method := range []string{"POST", "PUT", "DELETE", "PATCH"} {
		a := s.call(t, method, "/queues/queues/deliveries", "", "")
		assert.Equal(t, 405, a.status)
		assert.Equal(t, "GET, HEAD", a.header.Get("Allow"))
	}
}
