package endpoints

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"

	"redrive/pkg/webhook"
)

func TestRotateWithOverlap(t *testing.T) {
	a := newAPI(t)
	text := shown(t, a.post(page+"/rotate-secret", url.Values{"once": {"k1"}, "overlapHours": {"24"}}))
	assert.Equal(t, []call{{"POST", one + "/regenerate-secret", `{"overlapHours":24}`, "k1"}}, a.writes())
	assert.Contains(t, text, "whsec_canary")
	assert.Contains(t, text, "2026-11-03 00:00:00 UTC", "24 h after the change")
}

func TestRotateWithoutOverlapIsConfirmedFirst(t *testing.T) {
	a := newAPI(t)
	text := shown(t, a.post(page+"/rotate-secret", url.Values{"once": {"k1"}, "overlapHours": {"0"}}))
	assert.Empty(t, a.writes())
	assert.Contains(t, text, "<strong>Billing</strong>")
	assert.Contains(t, text, "receivers with the old secret refuse deliveries from now on")
	assert.Contains(t, text, `name="once" value="k1"`)
	assert.Contains(t, text, `name="overlapHours" value="0"`)
	assert.Contains(t, text, `name="confirmed" value="true"`)

	text = shown(t, a.post(page+"/rotate-secret", url.Values{"once": {"k1"}, "overlapHours": {"0"}, "confirmed": {"true"}}))
	assert.Equal(t, []call{{"POST", one + "/regenerate-secret", `{"overlapHours":0}`, "k1"}}, a.writes())
	assert.Contains(t, text, "The old secrets have ended.")
}

func TestRotateRefused(t *testing.T) {
	a := newAPI(t)
	w := a.post(page+"/rotate-secret", url.Values{"overlapHours": {"a day"}})
	assert.Equal(t, http.StatusBadRequest, w.Code)
	assert.Contains(t, w.text, `value="a day"`)
	assert.Empty(t, a.writes())
	a.replies["POST "+one+"/regenerate-secret"] = reply{status: 400, details: []webhook.Detail{{Reason: "out_of_range", Field: "overlapHours", Message: "at most 168"}}}
	assert.Contains(t, a.post(page+"/rotate-secret", url.Values{"overlapHours": {"169"}}).text, "at most 168")
}
