package endpoints

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestDeleteIsConfirmedFirst(t *testing.T) {
	a := newAPI(t)
	for _, text := range []string{shown(t, a.get(page+"/delete")), shown(t, a.post(page+"/delete", nil))} {
		assert.Contains(t, text, "Delete Billing?")
		assert.Contains(t, text, "<dd>7</dd>")
	}
	assert.Empty(t, a.writes())
	a.replies["GET "+one+"/stats"] = reply{status: 200, data: `{"totals": {}, "waiting": {"pending": 10000, "retrying": 4, "capped": true}}`}
	assert.Contains(t, shown(t, a.get(page+"/delete")), "10,000&#43;")

	confirmed := url.Values{"confirmed": {"true"}}
	w := a.post(page+"/delete", confirmed)
	assert.Equal(t, []call{{Method: "DELETE", Path: one}}, a.writes())
	assert.Equal(t, home, w.Header().Get("Location"))
	assert.Contains(t, a.follow(w).text, `class="flash done"`)

	a.replies["DELETE "+one] = reply{status: 404}
	w = a.post(page+"/delete", confirmed)
	assert.Equal(t, home, w.Header().Get("Location"))
	assert.Contains(t, a.follow(w).text, `class="flash same"`)
}
