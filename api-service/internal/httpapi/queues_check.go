package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"redrive/pkg/webhook"
)

const queuesAPI = queuesPath + "/api"

// queuesMetrics is asynqmon's proxy for a Prometheus, which is not configured.
const queuesMetrics = queuesAPI + "/metrics"

var errNoQueuesRoute = &refusal{http.StatusNotFound, "route_not_found", "the queue's web UI has no such route"}

func isQueuesAPI(r *http.Request) bool {
	return r.URL.Path == queuesAPI || strings.HasPrefix(r.URL.Path, queuesAPI+"/")
}

// asGet turns HEAD into GET for asynqmon. net/http drops the body of the answer.
func asGet(r *http.Request) *http.Request {
	if r.Method != http.MethodHead {
		return r
	}
	get := r.Clone(r.Context())
	get.Method = http.MethodGet
	return get
}

// checkQueuesRequest refuses requests that asynqmon would answer with an internal error or would ignore.
func checkQueuesRequest(c echo.Context, writable bool) error {
	r := c.Request()
	reads := r.Method == http.MethodGet || r.Method == http.MethodHead
	if !reads && (!writable || !isQueuesAPI(r)) {
		c.Response().Header().Set(echo.HeaderAllow, "GET, HEAD")
		return &refusal{http.StatusMethodNotAllowed, "method_not_allowed", "the queue's web UI only shows here; QUEUES_READ_ONLY=false lets its API change tasks"}
	}
	if r.URL.Path == queuesMetrics {
		return errNoQueuesRoute
	}
	if !isQueuesAPI(r) {
		return nil
	}
	return checkQueuesPage(r.URL.Query())
}

// checkQueuesPage refuses a page number or page size that is out of range. asynqmon has defaults for missing parameters.
func checkQueuesPage(query url.Values) error {
	const largestSize, lastPage = 1_000, 1_000_000
	var problems []error
	if query.Get("size") != "" {
		_, err := integer(query, "size", 1, largestSize)
		problems = append(problems, err)
	}
	if query.Get("page") != "" {
		_, err := integer(query, "page", 1, lastPage)
		problems = append(problems, err)
	}
	return errors.Join(problems...)
}

// queuesFailure returns the error for a text that asynqmon answered as an internal error. It recognizes asynq's texts for resources that do
// not exist and for states that do not allow a change. Other texts mean that Redis is unavailable.
func queuesFailure(text string) error {
	switch {
	case containsAny(text, "not found", "does not exist", "cannot find", "NOT_FOUND", "must contain"):
		return &refusal{http.StatusNotFound, "not_found", "there is no such queue, task or group"}
	case containsAny(text, "FAILED_PRECONDITION", "is already", "is not paused", "is not empty"):
		return &refusal{http.StatusBadRequest, "not_applicable", "the state of the queue or the task does not allow this"}
	case strings.Contains(text, context.Canceled.Error()):
		return fmt.Errorf("ask Redis for the queue's web UI: %w", context.Canceled)
	}
	const message = "the queue's web UI cannot reach Redis at the moment; try again shortly"
	return &webhook.Error{
		Code: webhook.CodeUnavailable, Message: message, RetryAfter: databaseRetryAfter,
		Details: []webhook.Detail{{Reason: "queue_unavailable", Message: message}},
		Err:     fmt.Errorf("ask Redis for the queue's web UI: %s", shortened(text)),
	}
}

func containsAny(text string, parts ...string) bool {
	for _, part := range parts {
		if strings.Contains(text, part) {
			return true
		}
	}
	return false
}
