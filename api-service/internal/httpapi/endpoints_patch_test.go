package httpapi

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/api-service/internal/endpoints"
	"redrive/pkg/webhook"
)

const fullBody = `{"name": "Billing", "url": "https://hooks.example.com/redrive", "description": "d", "maxRetries": 2, "rateLimit": 7,
	"subscribedEventTypes": ["run.*"], "headers": {"X-A": "canary"}, "timeoutSeconds": 30, "retrySchedule": [1, 86400], "payload": "data",
	"signatureHeader": "x-platform-signature", "metadata": {"team": "blue", "tier": "1"}}`

// patched sends a patch and returns the endpoint.
func (s *service) patched(t *testing.T, id, body string) map[string]any {
	t.Helper()
	return granted(t, s.call(t, "PATCH", base+"/"+id, s.writer, body))
}

func TestCreateNewFieldsAreShownAndAbsentWhenEmpty(t *testing.T) {
	s := newService(t).withKeys(t)
	fields := []string{"timeoutSeconds", "retrySchedule", "payload", "signatureHeader", "metadata"}
	full, ok := granted(t, s.call(t, "POST", base, s.writer, fullBody))["endpoint"].(map[string]any)
	require.True(t, ok)
	assert.Equal(t, map[string]any{"team": "blue", "tier": "1"}, full["metadata"])
	assert.EqualValues(t, []any{float64(1), float64(86400)}, full["retrySchedule"])
	assert.Equal(t, []any{float64(30), "data", "x-platform-signature"}, []any{full["timeoutSeconds"], full["payload"], full["signatureHeader"]})
	bare, _ := granted(t, s.call(t, "POST", base, s.writer, createBody))["endpoint"].(map[string]any)
	for _, name := range fields {
		assert.Contains(t, full, name)
		assert.NotContains(t, bare, name)
	}
	for _, name := range []string{"disabledReason", "pausedAt", "deletedAt"} {
		assert.NotContains(t, full, name)
	}
	refused(t, s.call(t, "POST", base, s.writer, `{"name": "n", "url": "https://x.example", "timeoutSeconds": null}`), 400, "null_not_allowed")
}

func TestPatchChangesWhatItHas(t *testing.T) {
	s := newService(t).withKeys(t)
	created, _ := granted(t, s.call(t, "POST", base, s.writer, fullBody))["endpoint"].(map[string]any)
	id, _ := created["id"].(string)

	assert.Equal(t, created, s.patched(t, id, `{}`), "{} changes nothing, updatedAt included")
	assert.Equal(t, created, s.patched(t, id, `{"name": "Billing", "headers": {"X-A": "canary"}}`), "nor does what is so already")

	patched := s.patched(t, id, `{"name": "New", "metadata": {"team": null, "plan": "gold"}, "headers": {"X-B": "canary"}}`)
	assert.Greater(t, fmt.Sprint(patched["updatedAt"]), fmt.Sprint(created["updatedAt"]))
	assert.Equal(t, map[string]any{"plan": "gold", "tier": "1"}, patched["metadata"])
	assert.Equal(t, map[string]any{"X-B": "****"}, patched["headers"])
	assert.Equal(t, patched, granted(t, s.call(t, "GET", base+"/"+id, s.reader, "")))
	for name, value := range created {
		if name != "name" && name != "metadata" && name != "headers" && name != "updatedAt" {
			assert.Equal(t, value, patched[name], name)
		}
	}

	bare := s.patched(t, id, `{"description": null, "maxRetries": null, "rateLimit": null, "subscribedEventTypes": null, "headers": null, "timeoutSeconds": null,
		"retrySchedule": null, "payload": null, "signatureHeader": null, "metadata": null}`)
	for _, name := range []string{"description", "headers", "timeoutSeconds", "retrySchedule", "payload", "signatureHeader", "metadata"} {
		assert.NotContains(t, bare, name)
	}
	assert.Equal(t, []any{float64(5), float64(0), []any{}}, []any{bare["maxRetries"], bare["rateLimit"], bare["subscribedEventTypes"]})
	assert.NotContains(t, s.log.String(), "canary")
}

func TestPatchRefused(t *testing.T) {
	s := newService(t).withKeys(t)
	created, _ := granted(t, s.call(t, "POST", base, s.writer, fullBody))["endpoint"].(map[string]any)
	path := base + "/" + fmt.Sprint(created["id"])
	for body, want := range map[string][2]string{
		``:                                 {"", "empty_body"},
		`[]`:                               {"", "invalid_type"},
		`null`:                             {"", "invalid_type"},
		`{"name": null}`:                   {"name", "required"},
		`{"name": ""}`:                     {"name", "required"},
		`{"url": null}`:                    {"url", "required"},
		`{"url": ""}`:                      {"url", "required"},
		`{"name": 1}`:                      {"name", "invalid_type"},
		`{"maxRetries": "1"}`:              {"maxRetries", "invalid_type"},
		`{"maxRetries": 1.5}`:              {"maxRetries", "invalid_type"},
		`{"retrySchedule": [1, "x"]}`:      {"retrySchedule[1]", "invalid_type"},
		`{"headers": {"X-A": 1}}`:          {"headers.X-A", "invalid_type"},
		`{"headers": {"X-A": null}}`:       {"headers.X-A", "required"},
		`{"headers": {"X-A": "****"}}`:     {"headers.X-A", "masked_value"},
		`{"metadata": {"k": 1}}`:           {"metadata.k", "invalid_type"},
		`{"metadata": []}`:                 {"metadata", "invalid_type"},
		`{"signingSecret": "x"}`:           {"signingSecret", "unknown_field"},
		`{"status": "active"}`:             {"status", "unknown_field"},
		`{"id": "x"}`:                      {"id", "unknown_field"},
		`{"name": "a", "name": "b"}`:       {"name", "duplicate_field"},
		`{"name": "a"} {}`:                 {"", "trailing_data"},
		`{"url": "https://other.example"}`: {"headers", "headers_required"},
		`{"signatureHeader": "x-a"}`:       {"signatureHeader", "duplicate_header"},
	} {
		failure := refused(t, s.call(t, "PATCH", path, s.writer, body), 400, want[1])
		assert.Equal(t, want[0], failure.Details[0].Field, body)
	}
	refused(t, s.call(t, "PATCH", path, s.reader, `{}`), 403, "read_only_key")
	assert.Equal(t, created, granted(t, s.call(t, "GET", path, s.writer, "")), "nothing was changed")
}

func TestPatchContentTypes(t *testing.T) {
	s := newService(t).withKeys(t)
	id, _ := s.endpoint(t, s.writer)
	for contentType, status := range map[string]int{
		"application/merge-patch+json": 200, "application/merge-patch+json; charset=utf-8": 200, "application/json": 200, "": 200,
		"application/json-patch+json": 415, "text/plain": 415,
	} {
		a := s.call(t, "PATCH", base+"/"+id, s.writer, `{"description": "d"}`, header("Content-Type", contentType))
		assert.Equal(t, status, a.status, contentType)
	}
	a := s.call(t, "POST", base, s.writer, createBody, header("Content-Type", "application/merge-patch+json"))
	assert.Equal(t, 415, a.status, "a merge patch is for PATCH only")
}

// nowhere refuses every destination.
type nowhere struct{}

func (nowhere) Check(context.Context, string) error {
	return webhook.Invalid("destination_not_allowed", "url", "no")
}

func TestPatchURLIsCheckedAsAtCreation(t *testing.T) {
	s := newService(t).withKeys(t)
	id, _ := s.endpoint(t, s.writer)
	strict := serve(t, s.store, func(d *Dependencies) { d.Registry = endpoints.New(s.store, nowhere{}) })
	refused(t, strict.call(t, "PATCH", base+"/"+id, s.writer, `{"url": "https://inside.example", "name": "n"}`), 400, "destination_not_allowed")
	assert.Equal(t, "n", granted(t, strict.call(t, "PATCH", base+"/"+id, s.writer, `{"name": "n"}`))["name"])
}

func TestPatchConcurrentFieldsAreBothKept(t *testing.T) {
	s := newService(t).withKeys(t)
	id, _ := s.endpoint(t, s.writer)
	var group sync.WaitGroup
	for i := range 10 {
		group.Go(func() { s.patched(t, id, fmt.Sprintf(`{"metadata": {"k%d": "v"}}`, i)) })
		group.Go(func() {
			s.patched(t, id, fmt.Sprintf(`{"url": "https://h%d.example.com", "headers": {"X-%d": "v"}}`, i, i))
		})
	}
	group.Wait()
	endpoint := granted(t, s.call(t, "GET", base+"/"+id, s.reader, ""))
	assert.Len(t, endpoint["metadata"], 10)
	var n int
	_, err := fmt.Sscanf(fmt.Sprint(endpoint["url"]), "https://h%d.example.com", &n)
	require.NoError(t, err)
	assert.Equal(t, map[string]any{fmt.Sprintf("X-%d", n): "****"}, endpoint["headers"], "a patch takes effect as a whole")
}
