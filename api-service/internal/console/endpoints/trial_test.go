package endpoints

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTestSendsAndShowsTheAnswer(t *testing.T) {
	for name, c := range map[string]struct {
		fields url.Values
		body   string
	}{
		"defaults":  {nil, `{}`},
		"of a type": {url.Values{"eventType": {"run.finished"}}, `{"eventType":"run.finished"}`},
		"with data": {url.Values{"eventType": {"run.finished"}, "data": {` {"n": 1.10, "big": 1e30} `}}, `{"data":{"n":1.10,"big":1e30},"eventType":"run.finished"}`},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAPI(t)
			text := shown(t, a.post(page+"/test", c.fields))
			assert.Equal(t, []call{{Method: "POST", Path: one + "/test", Body: c.body}}, a.writes())
			assert.Contains(t, text, "The receiver accepted the test.")
			assert.Contains(t, text, organization+"/deliveries/"+deliveryID)
		})
	}
}

func TestTestThatFailed(t *testing.T) {
	a := newAPI(t)
	a.replies["POST "+one+"/test"] = reply{status: 200, data: `{"id": "` + deliveryID + `", "status": "failure", "responseStatus": 503, "durationMs": 12, "errorMessage": "no", "responseBody": "<b>down</b>"}`}
	a.replies["GET "+deliveries+"/"+deliveryID+"/attempts"] = reply{status: 200, data: `{"items": [{"errorCode": "http_status"}]}`}
	text := shown(t, a.post(page+"/test", nil))
	for _, part := range []string{"did not accept the test", "503 Service Unavailable", "12 ms", "#http_status", "&lt;b&gt;down&lt;/b&gt;", deliveryID + "/response-body"} {
		assert.Contains(t, text, part)
	}
	a.replies["POST "+one+"/test"] = reply{status: 200, data: `{"id": "` + deliveryID + `", "status": "pending"}`}
	assert.Contains(t, shown(t, a.post(page+"/test", nil)), "has not ended within 20 s")
}

func TestTestRefused(t *testing.T) {
	a := newAPI(t)
	w := a.post(page+"/test", url.Values{"eventType": {"run.old"}, "data": {"{"}})
	assert.Equal(t, http.StatusBadRequest, w.Code)
	assert.Contains(t, w.text, "data must be a JSON object")
	assert.Contains(t, w.text, `value="run.old" selected`)
	assert.Empty(t, a.writes())

	a.replies["POST "+one+"/test"] = reply{status: 429}
	w = a.post(page+"/test", nil)
	assert.Equal(t, http.StatusTooManyRequests, w.Code)
	assert.Contains(t, w.text, "once per second")
	assert.Contains(t, w.text, organization+"/deliveries?endpointId="+endpointID)
}

func TestTestFailsWithoutAPI(t *testing.T) {
	a := newAPI(t)
	a.replies["POST "+one+"/test"] = reply{status: 503}
	require.Equal(t, http.StatusServiceUnavailable, a.post(page+"/test", nil).Code)
}
