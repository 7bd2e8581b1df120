package webhook_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/webhook"
)

func given[T any](value T) webhook.Patched[T] { return webhook.Patched[T]{Present: true, Value: value} }

func reset[T any]() webhook.Patched[T] { return webhook.Patched[T]{Present: true, Null: true} }

// full is an endpoint in which every field of a patch has a value.
func full() webhook.Endpoint {
	retries := 2
	return webhook.NewEndpoint("org", "key", webhook.EndpointSpec{
		Name: "n", URL: "https://hooks.example.com/a", Description: "d", MaxRetries: &retries, SubscribedEventTypes: []string{"run.*"}, RateLimit: 7,
		Headers: map[string]webhook.Secret{"X-A": "a"}, TimeoutSeconds: 5, RetrySchedule: []int{1, 2}, Payload: webhook.PayloadData,
		SignatureHeader: "X-Signature", Metadata: map[string]string{"team": "blue", "tier": "1"},
	}, "whsec_x", noon)
}

func apply(e webhook.Endpoint, p webhook.EndpointPatch) (webhook.Endpoint, error) {
	if err := p.Check(); err != nil {
		return e, err
	}
	err := p.Change("key", noon).Apply(&e)
	return e, err
}

func TestPatchAbsentFieldsKeepTheirValue(t *testing.T) {
	patched, err := apply(full(), webhook.EndpointPatch{})
	require.NoError(t, err)
	before := full()
	before.ID = patched.ID
	assert.Equal(t, before, patched)
}

func TestPatchNullAndEmptyGiveTheDefaults(t *testing.T) {
	zero := webhook.EndpointPatch{
		Description: given(""), SubscribedEventTypes: given([]string{}), MaxRetries: given(0), Headers: given(map[string]webhook.Secret{}),
		RateLimit: given(0), TimeoutSeconds: given(0), RetrySchedule: given([]int{}), SignatureHeader: given(""),
		Payload: given(webhook.Payload("")), Metadata: given(map[string]*string{}),
	}
	null := webhook.EndpointPatch{
		Description: reset[string](), SubscribedEventTypes: reset[[]string](), MaxRetries: reset[int](), Headers: reset[map[string]webhook.Secret](),
		RateLimit: reset[int](), TimeoutSeconds: reset[int](), RetrySchedule: reset[[]int](), SignatureHeader: reset[string](),
		Payload: reset[webhook.Payload](), Metadata: reset[map[string]*string](),
	}
	for retries, patch := range map[int]webhook.EndpointPatch{0: zero, webhook.DefaultMaxRetries: null} {
		patched, err := apply(full(), patch)
		require.NoError(t, err)
		bare := webhook.NewEndpoint("org", "key", webhook.EndpointSpec{Name: "n", URL: "https://hooks.example.com/a", MaxRetries: &retries}, "whsec_x", noon)
		bare.ID = patched.ID
		record, names, err := webhook.Changed(webhook.EndpointChange{}, bare, patched)
		require.NoError(t, err)
		assert.Empty(t, names, "%s", record.After)
	}
	assert.Equal(t, map[string]string{"name": "required", "url": "required"},
		reasons(t, webhook.EndpointPatch{Name: reset[string](), URL: reset[string]()}.Check()))
	assert.Equal(t, map[string]string{"name": "required", "url": "required"},
		reasons(t, webhook.EndpointPatch{Name: given(""), URL: given("")}.Check()))
}

func TestPatchMetadataIsMerged(t *testing.T) {
	gold, empty := "gold", ""
	patched, err := apply(full(), webhook.EndpointPatch{Metadata: given(map[string]*string{"plan": &gold, "team": nil, "note": &empty, "none": nil})})
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"plan": "gold", "tier": "1", "note": ""}, patched.Metadata)

	long := strings.Repeat("x", 2040)
	_, err = apply(full(), webhook.EndpointPatch{Metadata: given(map[string]*string{"k": &long})})
	assert.Equal(t, map[string]string{"metadata": "too_long"}, reasons(t, err), "the limit is that of the result")
}

func TestPatchHeadersBelongToTheirDestination(t *testing.T) {
	for url, moved := range map[string]bool{
		"https://hooks.example.com/b?c=d": false, "HTTPS://Hooks.Example.COM:443/": false,
		"http://hooks.example.com/a": true, "https://hooks.example.com:8443/a": true, "https://example.com/a": true, "https://hooks.example.com.evil.example/a": true,
	} {
		_, err := apply(full(), webhook.EndpointPatch{URL: given(url)})
		if !moved {
			assert.NoError(t, err, url)
			continue
		}
		assert.Equal(t, map[string]string{"headers": "headers_required"}, reasons(t, err), url)
		for _, headers := range []webhook.Patched[map[string]webhook.Secret]{
			given(map[string]webhook.Secret{}), given(map[string]webhook.Secret{"X-B": "b"}), reset[map[string]webhook.Secret](),
		} {
			patched, err := apply(full(), webhook.EndpointPatch{URL: given(url), Headers: headers})
			require.NoError(t, err)
			assert.Equal(t, len(headers.Value), len(patched.Headers), "they replace those before as a whole")
		}
		bare := full()
		bare.Headers = nil
		_, err = apply(bare, webhook.EndpointPatch{URL: given(url)})
		assert.NoError(t, err, "there are no headers to keep")
	}
}

func TestPatchRefusals(t *testing.T) {
	many := make([]int, 21)
	for i := range many {
		many[i] = 1
	}
	for name, c := range map[string]struct {
		patch  webhook.EndpointPatch
		field  string
		reason string
	}{
		"masked value":        {webhook.EndpointPatch{Headers: given(map[string]webhook.Secret{"X-A": "****"})}, "headers.X-A", "masked_value"},
		"retries":             {webhook.EndpointPatch{MaxRetries: given(21)}, "maxRetries", "out_of_range"},
		"negative rate":       {webhook.EndpointPatch{RateLimit: given(-1)}, "rateLimit", "out_of_range"},
		"long timeout":        {webhook.EndpointPatch{TimeoutSeconds: given(31)}, "timeoutSeconds", "out_of_range"},
		"negative timeout":    {webhook.EndpointPatch{TimeoutSeconds: given(-1)}, "timeoutSeconds", "out_of_range"},
		"no delay":            {webhook.EndpointPatch{RetrySchedule: given([]int{1, 0})}, "retrySchedule[1]", "out_of_range"},
		"long delay":          {webhook.EndpointPatch{RetrySchedule: given([]int{86401})}, "retrySchedule[0]", "out_of_range"},
		"many delays":         {webhook.EndpointPatch{RetrySchedule: given(many)}, "retrySchedule", "too_many"},
		"payload":             {webhook.EndpointPatch{Payload: given(webhook.Payload("xml"))}, "payload", "invalid_payload"},
		"reserved header":     {webhook.EndpointPatch{SignatureHeader: given("Webhook_Signature")}, "signatureHeader", "header_not_allowed"},
		"malformed header":    {webhook.EndpointPatch{SignatureHeader: given("x y")}, "signatureHeader", "invalid_header"},
		"header twice":        {webhook.EndpointPatch{SignatureHeader: given("x_a")}, "signatureHeader", "duplicate_header"},
		"header twice, again": {webhook.EndpointPatch{Headers: given(map[string]webhook.Secret{"x-signature": "s"})}, "signatureHeader", "duplicate_header"},
		"subscription":        {webhook.EndpointPatch{SubscribedEventTypes: given([]string{"a b"})}, "subscribedEventTypes[0]", "invalid_event_type"},
		"description":         {webhook.EndpointPatch{Description: given("a\x00")}, "description", "invalid_text"},
	} {
		_, err := apply(full(), c.patch)
		assert.Equal(t, map[string]string{c.field: c.reason}, reasons(t, err), name)
	}
}

func TestSpecNewFieldsAreChecked(t *testing.T) {
	spec := webhook.EndpointSpec{
		Name: "n", URL: "https://x", TimeoutSeconds: 31, RetrySchedule: []int{0}, Payload: "xml", SignatureHeader: "X-A",
		Headers: map[string]webhook.Secret{"x-a": "v"}, Metadata: map[string]string{"": "v"},
	}
	assert.Equal(t, map[string]string{
		"timeoutSeconds": "out_of_range", "retrySchedule[0]": "out_of_range", "payload": "invalid_payload", "signatureHeader": "duplicate_header",
		"metadata": "required",
	}, reasons(t, spec.Check()))
	good := webhook.EndpointSpec{Name: "n", URL: "https://x", TimeoutSeconds: 30, RetrySchedule: []int{1, 86400}, Payload: "envelope", SignatureHeader: "x-platform-signature"}
	assert.NoError(t, good.Check())
}

func TestChangedMasksSecrets(t *testing.T) {
	before, after := full(), full()
	after.Headers = map[string]webhook.Secret{"X-A": "canary"}
	after.SigningSecrets = []webhook.SigningSecret{{Value: "whsec_canary"}}
	after.DisabledAt = noon.Add(time.Hour)
	record, names, err := webhook.Changed(webhook.EndpointChange{Kind: webhook.ChangeUpdated, By: "key_1"}, before, after)
	require.NoError(t, err)
	assert.ElementsMatch(t, []string{"headers", "signingSecret", "disabledAt"}, names)
	assert.JSONEq(t, `{"headers": {"X-A": "****"}, "signingSecret": "****"}`, string(record.Before))
	assert.JSONEq(t, `{"headers": {"X-A": "****"}, "signingSecret": "****", "disabledAt": "2026-05-06T13:00:00.000000Z"}`, string(record.After))
}
