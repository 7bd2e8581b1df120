package httpapi

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/webhook"
)

// withKey sends a request with an idempotency key.
func (s *service) withKey(t *testing.T, key, method, path, body string) answer {
	t.Helper()
	return s.call(t, method, path, s.writer, body, header("Idempotency-Key", key))
}

// dataOf returns the data of a successful answer as it was written.
func dataOf(t *testing.T, a answer) string {
	t.Helper()
	require.Equal(t, 200, a.status, "%s", a.body)
	var envelope struct{ Data json.RawMessage }
	require.NoError(t, json.Unmarshal(a.body, &envelope))
	return string(envelope.Data)
}

func isReplayed(t *testing.T, a answer) bool {
	t.Helper()
	values := a.header.Values("Idempotency-Replayed")
	assert.Contains(t, []string{"", "true"}, strings.Join(values, ","))
	return len(values) == 1
}

// Fifty concurrent requests with one key publish one event. They are spread over two processes.
func TestPublishConcurrentWithOneKeyPublishesOnce(t *testing.T) {
	s := newService(t).withKeys(t)
	second := serve(t, s.store)
	second.writer = s.writer
	s.endpoint(t, s.writer)
	const callers = 50
	answers := make([]answer, callers)
	var calls sync.WaitGroup
	for i := range callers {
		calls.Go(func() {
			answers[i] = []*service{s, second}[i%2].withKey(t, "order-1", "POST", base+"/events", publishBody)
		})
	}
	calls.Wait()
	first := 0
	for _, a := range answers {
		assert.Equal(t, dataOf(t, answers[0]), dataOf(t, a))
		if !isReplayed(t, a) {
			first++
		}
	}
	assert.Equal(t, 1, first)
	page := granted(t, s.call(t, "GET", deliveries, s.reader, ""))
	assert.Len(t, page["items"], 1)
}

func TestPublishKeyInBodyTakesPrecedence(t *testing.T) {
	s := newService(t).withKeys(t)
	body := `{"eventType": "run.finished", "idempotencyKey": "own", "data": {"n": 1}}`
	first := s.withKey(t, "header", "POST", base+"/events", body)
	assert.False(t, isReplayed(t, first))
	again := s.call(t, "POST", base+"/events", s.writer, strings.ReplaceAll(body, " ", ""))
	assert.True(t, isReplayed(t, again), "the same content with other white space")
	assert.JSONEq(t, dataOf(t, first), dataOf(t, again))
	assert.False(t, isReplayed(t, s.withKey(t, "header", "POST", base+"/events", publishBody)), "the header's key was not used")

	refused(t, s.call(t, "POST", base+"/events", s.writer, strings.ReplaceAll(body, `"n": 1`, `"n": 2`)), 400, "idempotency_key_reused")
	otherOrganization := s.newKey(t, webhook.APIKeySpec{OrganizationID: "org_other", Scope: webhook.ScopeReadWrite})
	assert.False(t, isReplayed(t, s.call(t, "POST", base+"/events", otherOrganization, body)))
}

func TestIdempotencyKeyMalformedRefused(t *testing.T) {
	s := newService(t).withKeys(t)
	for _, path := range []string{base + "/events", base + "/events/batch", base, keys} {
		for _, key := range []string{"", "é", "a\tb", strings.Repeat("x", 251)} {
			f := refused(t, s.withKey(t, key, "POST", path, publishBody), 400, "invalid_idempotency_key")
			assert.Equal(t, "Idempotency-Key", f.Details[0].Field)
		}
		request := s.request(t, "POST", path, s.writer, publishBody)
		request.Header["Idempotency-Key"] = []string{"a", "b"}
		response, err := s.client.Do(request)
		require.NoError(t, err)
		refused(t, readAnswer(t, response), 400, "invalid_idempotency_key")
	}
	for _, key := range []string{`""`, `"é"`, `"` + strings.Repeat("x", 256) + `"`} {
		f := refused(t, s.call(t, "POST", base+"/events", s.writer, `{"eventType": "a", "data": {}, "idempotencyKey": `+key+`}`), 400, "invalid_idempotency_key")
		assert.Equal(t, "idempotencyKey", f.Details[0].Field)
	}
	granted(t, s.withKey(t, strings.Repeat("x", 250), "POST", base+"/events", publishBody))
	granted(t, s.call(t, "GET", base, s.reader, "", header("Idempotency-Key", "é"))) // other operations ignore the header
}

// batchResults returns the results of a batch.
func batchResults(t *testing.T, a answer) (results []map[string]any) {
	t.Helper()
	for _, result := range granted(t, a)["results"].([]any) {
		results = append(results, result.(map[string]any))
	}
	return results
}

// A batch of 1,000 of which a part was published is sent again. Every event exists once, and the results are in order.
func TestBatchSentAgainPublishesRestOnly(t *testing.T) {
	s := newService(t).withKeys(t)
	s.endpoint(t, s.writer)
	events := make([]string, 1_000)
	for i := range events {
		events[i] = fmt.Sprintf(`{"eventType": "run.finished", "runId": "r%d", "data": {"n": %d}}`, i, i)
	}
	batch := func(events []string) string { return `{"events": [` + strings.Join(events, ",") + `]}` }
	part := s.withKey(t, "import-7", "POST", base+"/events/batch", batch(events[:400]))
	assert.False(t, isReplayed(t, part))
	before := batchResults(t, part)
	whole := s.withKey(t, "import-7", "POST", base+"/events/batch", batch(events))
	assert.False(t, isReplayed(t, whole), "only a part of it was there")
	results := batchResults(t, whole)
	require.Len(t, results, 1_000)
	for i, result := range results {
		assert.Equal(t, fmt.Sprint("r", i), result["event"].(map[string]any)["runId"])
		if i < 400 {
			assert.Equal(t, true, result["duplicate"])
			delete(result, "duplicate")
			assert.Equal(t, before[i], result)
			continue
		}
		assert.NotContains(t, result, "duplicate")
	}
	again := s.withKey(t, "import-7", "POST", base+"/events/batch", batch(events))
	assert.True(t, isReplayed(t, again), "every item is a duplicate")
	assert.Len(t, s.walk(t, deliveries+"?limit=100&bodies=false", s.reader, func() {}), 1_000)
}

func TestBatchKeysOfItems(t *testing.T) {
	s := newService(t).withKeys(t)
	s.endpoint(t, s.writer)
	results := batchResults(t, s.withKey(t, "K", "POST", base+"/events/batch", `{"events": [
		{"eventType": "a", "data": {}}, {"eventType": "a", "data": {}, "idempotencyKey": "own"}, {"eventType": "a", "data": {}, "idempotencyKey": "own"},
		{"eventType": "b", "data": {}, "idempotencyKey": "own"}, {"eventType": "a", "data": {}, "idempotencyKey": ""}, {"eventType": "", "data": {}}]}`))
	assert.NotContains(t, results[0], "duplicate")
	assert.NotContains(t, results[1], "duplicate")
	assert.Equal(t, true, results[2]["duplicate"])
	assert.Equal(t, results[1]["event"], results[2]["event"])
	assert.Equal(t, results[1]["deliveries"], results[2]["deliveries"])
	for i, reason := range map[int]string{3: "idempotency_key_reused", 4: "invalid_idempotency_key", 5: "required"} {
		assert.Equal(t, reason, results[i]["error"].(map[string]any)["reason"])
	}
	single := s.call(t, "POST", base+"/events", s.writer, `{"eventType": "a", "data": {}, "idempotencyKey": "K/0"}`)
	assert.True(t, isReplayed(t, single), "the key of the event at index 0")
	refused(t, s.call(t, "POST", base+"/events", s.writer, `{"eventType": "b", "data": {}, "idempotencyKey": "K/0"}`), 400, "idempotency_key_reused")
}

// Each call that creates or changes something has its effect once, and a repeated call gets the same data.
func TestCallRepeatedHasEffectOnce(t *testing.T) {
	s := newService(t).withKeys(t)
	second := serve(t, s.store)
	second.writer = s.writer
	endpointID, _ := s.endpoint(t, s.writer)
	deliveryID := s.delivery(t, s.writer)
	for name, c := range map[string]struct{ path, body, other string }{
		"create an endpoint": {base, createBody, `{"name": "Other", "url": "https://hooks.example.com/redrive"}`},
		"regenerate":         {base + "/" + endpointID + "/regenerate-secret", `{"overlapHours": 0}`, `{"overlapHours": 1}`},
		"create a key":       {keys, `{"name": "ci"}`, `{"name": "other"}`},
		"replay":             {deliveries + "/" + deliveryID + "/replay", "{}", ""},
	} {
		first := s.withKey(t, name, "POST", c.path, c.body)
		assert.False(t, isReplayed(t, first), name)
		again := second.withKey(t, name, "POST", c.path, c.body)
		assert.True(t, isReplayed(t, again), name)
		assert.JSONEq(t, dataOf(t, first), dataOf(t, again), name)
		assert.NotEqual(t, first.header.Get("X-Request-Id"), again.header.Get("X-Request-Id"), name)

		reused := s.withKey(t, name, "POST", c.path, c.other)
		f := refused(t, reused, 400, "idempotency_key_reused")
		assert.Equal(t, "Idempotency-Key", f.Details[0].Field)
		assert.False(t, isReplayed(t, reused))
		refused(t, s.withKey(t, name, "POST", c.path+"?x=1", c.body), 400, "idempotency_key_reused")
		refused(t, s.withKey(t, name, "POST", base+"/events", publishBody), 400, "idempotency_key_reused")
	}
}

// A repeated retry is the delivery as it is now, although it could not be retried any more.
func TestRetryRepeatedShowsPresentState(t *testing.T) {
	s := newService(t).withKeys(t)
	s.endpoint(t, s.writer)
	id := s.delivery(t, s.writer)
	retry := func() answer { return s.withKey(t, "retry-1", "POST", deliveries+"/"+id+"/retry", "") }
	refused(t, retry(), 400, "delivery_not_failed")
	s.fail(t, id)
	first := retry()
	assert.False(t, isReplayed(t, first), "a failed request leaves the key usable")
	s.fail(t, id)
	again := retry()
	assert.True(t, isReplayed(t, again))
	assert.Equal(t, "failure", granted(t, again)["status"], "it was not retried again")
}

// Concurrent retries with one key count as one call.
func TestRetryConcurrentWithOneKeyAllSucceed(t *testing.T) {
	s := newService(t).withKeys(t)
	s.endpoint(t, s.writer)
	id := s.delivery(t, s.writer)
	s.fail(t, id)
	before, err := s.store.FindDelivery(t.Context(), organization, id)
	require.NoError(t, err)
	const callers = 10
	answers := make([]answer, callers)
	var calls sync.WaitGroup
	for i := range callers {
		calls.Go(func() { answers[i] = s.withKey(t, "k", "POST", deliveries+"/"+id+"/retry", "") })
	}
	calls.Wait()
	first := 0
	for _, a := range answers {
		granted(t, a)
		if !isReplayed(t, a) {
			first++
		}
	}
	assert.Equal(t, 1, first)
	after, err := s.store.FindDelivery(t.Context(), organization, id)
	require.NoError(t, err)
	assert.Equal(t, before.Delivery.Revision+1, after.Delivery.Revision)
}

// No recorded answer shows a secret in the database.
func TestCallRecordedSealsSecrets(t *testing.T) {
	s := newService(t).withKeys(t)
	data := granted(t, s.withKey(t, "k", "POST", base, createBody))
	secret := data["signingSecret"].(string)
	assert.NotContains(t, s.log.String(), secret)
	again := granted(t, s.withKey(t, "k", "POST", base, createBody))
	assert.Equal(t, secret, again["signingSecret"])
}
