package endpoints

import (
	"encoding/json"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/api-service/internal/console/resource"
	"redrive/pkg/webhook"
)

func fieldsOf(wrong []webhook.Detail) []string {
	var names []string
	for _, d := range wrong {
		names = append(names, d.Field)
	}
	return names
}

func TestSpecOfForm(t *testing.T) {
	for name, c := range map[string]struct {
		form url.Values
		body string
	}{
		"empty":               {nil, `{}`},
		"name and url":        {url.Values{"name": {" Billing "}, "url": {"https://a.example"}}, `{"name": "Billing", "url": "https://a.example"}`},
		"types":               {url.Values{"eventType": {"run.finished"}, "moreEventTypes": {"order.*,  a.b\r\nrun.finished"}}, `{"subscribedEventTypes": ["a.b", "order.*", "run.finished"]}`},
		"zero retries":        {url.Values{"maxRetries": {"0"}}, `{"maxRetries": 0}`},
		"limits":              {url.Values{"rateLimit": {"7"}, "timeoutSeconds": {"30"}, "retrySchedule": {"60, 300  3600"}}, `{"rateLimit": 7, "timeoutSeconds": 30, "retrySchedule": [60, 300, 3600]}`},
		"form of the request": {url.Values{"payload": {"data"}, "signatureHeader": {"x-sig"}}, `{"payload": "data", "signatureHeader": "x-sig"}`},
		"headers":             {url.Values{"headers": {"X-A: 1: 2\r\n\r\nX-B:b"}, "headersChoice": {"replace"}}, `{"headers": {"X-A": "1: 2", "X-B": "b"}}`},
		"paused":              {url.Values{"paused": {"true"}, "description": {"d"}}, `{"paused": true, "description": "d"}`},
	} {
		t.Run(name, func(t *testing.T) {
			body, wrong := form{c.form}.spec()
			require.Empty(t, wrong)
			encoded, err := json.Marshal(body)
			require.NoError(t, err)
			assert.JSONEq(t, c.body, string(encoded))
		})
	}
}

func TestSpecReportsEveryFieldThatCannotBeRead(t *testing.T) {
	_, wrong := form{url.Values{"maxRetries": {"many"}, "rateLimit": {"1.5"}, "retrySchedule": {"60; 300"}, "headers": {"canary"}}}.spec()
	assert.Equal(t, []string{"maxRetries", "rateLimit", "retrySchedule", "headers"}, fieldsOf(wrong))
	assert.NotContains(t, wrong[3].Message, "canary")
}

var stored = resource.Endpoint{
	ID: endpointID, Name: "Billing", URL: "https://a.example", Description: "d", SubscribedEventTypes: []string{"run.finished", "order.*"}, MaxRetries: 5,
	RateLimit: 7, TimeoutSeconds: 30, RetrySchedule: []int{60, 300}, Payload: "data", SignatureHeader: "x-sig", Headers: map[string]string{"X-A": "****"},
}

// edited returns the form of the stored endpoint with some fields in place of its own.
func edited(fields url.Values) form {
	values := formOf(stored).values
	for name := range fields {
		values[name] = fields[name]
	}
	return form{values}
}

func TestPatchHasOnlyWhatWasEdited(t *testing.T) {
	for name, c := range map[string]struct {
		fields url.Values
		body   string
	}{
		"nothing":                      {nil, `{}`},
		"space":                        {url.Values{"name": {"Billing  "}}, `{}`},
		"types in another order":       {url.Values{"eventType": {"order.*"}, "moreEventTypes": {"run.finished"}}, `{}`},
		"one schedule, other spelling": {url.Values{"retrySchedule": {"60 300"}}, `{}`},
		"name":                         {url.Values{"name": {"New"}}, `{"name": "New"}`},
		"url":                          {url.Values{"url": {"https://b.example"}}, `{"url": "https://b.example"}`},
		"emptied": {
			url.Values{"name": {""}, "description": {""}, "maxRetries": {""}, "rateLimit": {""}, "timeoutSeconds": {""}, "retrySchedule": {""}, "payload": {""}, "signatureHeader": {""}, "eventType": {}},
			`{"name": null, "description": null, "maxRetries": null, "rateLimit": null, "timeoutSeconds": null, "retrySchedule": null, "payload": null, "signatureHeader": null, "subscribedEventTypes": null}`,
		},
		"kept headers ignore the text": {url.Values{"headers": {"X-B: b"}}, `{}`},
		"replaced headers":             {url.Values{"headersChoice": {"replace"}, "headers": {"X-B: b"}}, `{"headers": {"X-B": "b"}}`},
		"removed headers":              {url.Values{"headersChoice": {"replace"}}, `{"headers": {}}`},
	} {
		t.Run(name, func(t *testing.T) {
			body, wrong := edited(c.fields).patch(formOf(stored))
			require.Empty(t, wrong)
			encoded, err := json.Marshal(body)
			require.NoError(t, err)
			assert.JSONEq(t, c.body, string(encoded))
		})
	}
}

func TestPatchOfEndpointWithoutHeaders(t *testing.T) {
	bare := resource.Endpoint{Name: "n", URL: "https://a.example", MaxRetries: 5}
	body, wrong := formOf(bare).patch(formOf(bare))
	require.Empty(t, wrong)
	assert.Empty(t, body)
	with := formOf(bare)
	with.values.Set("headers", "X-A: a")
	body, wrong = with.patch(formOf(bare))
	require.Empty(t, wrong)
	assert.Equal(t, map[string]any{"headers": map[string]string{"X-A": "a"}}, body)
}

func TestPatchRefusesWhatCannotBeRead(t *testing.T) {
	_, wrong := edited(url.Values{"maxRetries": {"x"}, "headersChoice": {"replace"}, "headers": {": v"}}).patch(formOf(stored))
	assert.Equal(t, []string{"maxRetries", "headers"}, fieldsOf(wrong))
}

func TestFormHasNoHeaderValues(t *testing.T) {
	assert.NotContains(t, formOf(resource.Endpoint{Headers: map[string]string{"X-A": "canary"}}).values.Encode(), "canary")
}

func TestFormViewSplitsTypesByCatalogue(t *testing.T) {
	v := formView{Form: formOf(stored), Catalogue: []resource.EventType{{Name: "run.finished"}, {Name: "run.started"}}}
	assert.True(t, v.Chosen("run.finished"))
	assert.False(t, v.Chosen("run.started"))
	assert.Equal(t, "order.*", v.Written())
}
