package endpoints

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

const (
	paused   = `"pausedAt": "2026-11-03T00:00:00Z", `
	disabled = `"disabledAt": "2026-11-04T05:06:07.008Z", "disabledReason": "gone", `
)

// in returns the endpoint with further fields before its others.
func in(fields string) reply {
	text := "{" + fields + strings.TrimPrefix(plain, "{")
	if strings.Contains(fields, "disabledAt") {
		text = strings.Replace(text, `"status": "active"`, `"status": "disabled"`, 1)
	}
	return reply{status: 200, data: text}
}

func TestSwitchesCallTheAPIOnceAndSayWhatHappened(t *testing.T) {
	for action, c := range map[string]struct{ before, done, so, same string }{
		"pause":   {"", "The endpoint is paused.", paused, "is paused already"},
		"resume":  {paused, "The endpoint is resumed.", "", "is not paused"},
		"disable": {"", "The endpoint is disabled.", disabled, "is disabled already"},
		"enable":  {disabled, "The endpoint is enabled.", "", "is enabled already"},
	} {
		t.Run(action, func(t *testing.T) {
			a := newAPI(t)
			a.replies["GET "+one] = in(c.before)
			next := a.follow(a.post(page+"/"+action, nil))
			assert.Equal(t, []call{{Method: "POST", Path: one + "/" + action}}, a.writes())
			assert.Contains(t, next.text, `class="flash done"`)
			assert.Contains(t, next.text, c.done)

			a = newAPI(t)
			a.replies["GET "+one] = in(c.so)
			next = a.follow(a.post(page+"/"+action, nil))
			assert.Empty(t, a.writes())
			assert.Contains(t, next.text, `class="flash same"`)
			assert.Contains(t, next.text, c.same)

			a = newAPI(t)
			a.replies["GET "+one] = in(c.before)
			a.replies["POST "+one+"/"+action] = reply{status: 429}
			next = a.follow(a.post(page+"/"+action, nil))
			assert.Contains(t, next.text, `class="flash same"`)
			assert.Contains(t, next.text, "That was too fast.")
		})
	}
}

func TestEnableOffersWhatWasMissed(t *testing.T) {
	a := newAPI(t)
	a.replies["GET "+one] = in(disabled)
	w := a.post(page+"/enable", nil)
	assert.Equal(t, page+"?missed=2026-11-04T05%3A06%3A07.008000Z", w.Header().Get("Location"))
	a.replies["GET "+one] = in("")
	link := organization + "/bulk-jobs/new?action=deliver&amp;endpointId=" + endpointID + "&amp;from=2026-11-04T05%3A06%3A07.008000Z"
	assert.Contains(t, a.follow(w).text, `href="`+link+`"`)
	assert.NotContains(t, shown(t, a.get(page)), "bulk-jobs/new")
	assert.NotContains(t, shown(t, a.get(page+"?missed=yesterday")), "bulk-jobs/new")
	a.replies["GET "+one] = in(disabled)
	assert.NotContains(t, shown(t, a.get(page+"?missed=2026-11-04T05%3A06%3A07Z")), "bulk-jobs/new")
}
