package endpoints

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"

	"redrive/pkg/webhook"
)

func TestCreateShowsTheSecretOnce(t *testing.T) {
	a := newAPI(t)
	fields := url.Values{"once": {"k1"}, "name": {"Billing"}, "url": {"https://hooks.example.com/a"}, "eventType": {"run.finished"}}
	w := a.post(home+"/new", fields)
	text := shown(t, w)
	assert.Equal(t, []call{{"POST", base, `{"name":"Billing","subscribedEventTypes":["run.finished"],"url":"https://hooks.example.com/a"}`, "k1"}}, a.writes())
	assert.Equal(t, "no-store", w.Header().Get("Cache-Control"))
	assert.Contains(t, text, `data-copy="whsec_canary"`)
	assert.Contains(t, text, "func Verify(")
	assert.Contains(t, text, `action="`+page+`/test"`)
	assert.NotContains(t, text, "was sent before")

	again := a.replies["POST "+base]
	again.replayed = true
	a.replies["POST "+base] = again
	text = shown(t, a.post(home+"/new", fields))
	assert.Contains(t, text, "This form was sent before")
	assert.Contains(t, text, "whsec_canary")
}

func TestCreateRefusedKeepsTheForm(t *testing.T) {
	a := newAPI(t)
	a.replies["POST "+base] = reply{status: 400, details: []webhook.Detail{{Reason: "destination_not_allowed", Field: "url", Message: "this URL is not permitted"}}}
	fields := url.Values{
		"once": {"k1"}, "name": {"Billing"}, "url": {"http://10.0.0.1"}, "eventType": {"run.finished"}, "moreEventTypes": {"a.*"}, "maxRetries": {"3"}, "paused": {"true"},
	}
	w := a.post(home+"/new", fields)
	assert.Equal(t, http.StatusBadRequest, w.Code)
	for _, part := range []string{
		"this URL is not permitted", `value="http://10.0.0.1" required`, `value="run.finished" checked`, "\na.*</textarea>", `name="maxRetries" value="3"`, `value="true" checked`,
		`name="once" value="k1"`, `<details id="rare" open>`,
	} {
		assert.Contains(t, w.text, part)
	}
	assert.Regexp(t, `<input id="url"[^>]* aria-invalid="true"`, w.text)

	a.replies["POST "+base] = reply{status: 400, details: []webhook.Detail{{Reason: "idempotency_key_reused"}}}
	w = a.post(home+"/new", fields)
	assert.Contains(t, w.text, "This form was sent before with other values")
	assert.NotContains(t, w.text, `value="k1"`, "the next submission needs another key")

	a = newAPI(t)
	w = a.post(home+"/new", url.Values{"once": {"k1"}, "name": {"Billing"}, "headers": {"no colon"}})
	assert.Equal(t, http.StatusBadRequest, w.Code)
	assert.Contains(t, w.text, "line 1 has no colon")
	assert.Empty(t, a.writes())
}

func TestCreateUnavailableIsAProblem(t *testing.T) {
	a := newAPI(t)
	a.replies["POST "+base] = reply{status: 503}
	assert.Equal(t, http.StatusServiceUnavailable, a.post(home+"/new", url.Values{"name": {"n"}}).Code)
}
