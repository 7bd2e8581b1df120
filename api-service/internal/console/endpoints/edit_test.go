package endpoints

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"redrive/pkg/webhook"
)

// fieldsOfForm returns the fields that a browser sends for the form of the plain endpoint, as it was opened.
func fieldsOfForm() url.Values {
	was := url.Values{
		"name": {"Billing"}, "url": {"https://hooks.example.com/a"}, "maxRetries": {"5"}, "eventType": {"run.finished", "order.*"}, "headersChoice": {"keep"},
	}
	sent := url.Values{"was": {was.Encode()}, "eventType": {"run.finished"}, "moreEventTypes": {"order.*"}}
	for _, name := range []string{"name", "url", "maxRetries", "headersChoice"} {
		sent[name] = was[name]
	}
	return sent
}

func TestEditSendsWhatWasEdited(t *testing.T) {
	a := newAPI(t)
	fields := fieldsOfForm()
	fields.Set("name", "New")
	next := a.follow(a.post(page+"/edit", fields))
	assert.Equal(t, []call{{Method: "PATCH", Path: one, Body: `{"name":"New"}`}}, a.writes())
	assert.Contains(t, next.text, `class="flash done"`)

	a.replies["PATCH "+one] = reply{status: 200, data: plain}
	assert.Contains(t, a.follow(a.post(page+"/edit", fields)).text, `class="flash same"`, "the second submission changes nothing")

	a = newAPI(t)
	assert.Contains(t, a.follow(a.post(page+"/edit", fieldsOfForm())).text, `class="flash same"`)
	assert.Empty(t, a.writes())
}

func TestEditRefused(t *testing.T) {
	a := newAPI(t)
	fields := fieldsOfForm()
	fields.Set("url", "https://other.example")
	a.replies["PATCH "+one] = reply{status: 400, details: []webhook.Detail{{Reason: "headers_required", Field: "headers", Message: "send {}"}}}
	w := a.post(page+"/edit", fields)
	assert.Equal(t, http.StatusBadRequest, w.Code)
	assert.Contains(t, w.text, "Choose “Replace all headers”")
	assert.NotContains(t, w.text, "send {}")
	assert.Contains(t, w.text, `value="https://other.example"`)
	assert.Contains(t, w.text, `name="was" value="`+strings.ReplaceAll(fields.Get("was"), "&", "&amp;")+`"`, "the form is compared with what it was")

	fields.Set("was", "%zz")
	assert.Equal(t, http.StatusBadRequest, a.post(page+"/edit", fields).Code)
	fields = fieldsOfForm()
	fields.Set("maxRetries", "many")
	a = newAPI(t)
	assert.Contains(t, a.post(page+"/edit", fields).text, "maxRetries must be a whole number")
	assert.Empty(t, a.writes())
}
