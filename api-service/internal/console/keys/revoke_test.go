package keys_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"redrive/api-service/internal/console/keys"
	"redrive/api-service/internal/console/webtest"
)

// console returns the pages with a key, two keys below it, and keys beside it. The two create each other, as damaged rows may.
func console(t *testing.T) *webtest.Console {
	c := webtest.New(t, keys.Routes())
	c.Answer("GET "+one, reply(key(other, webtest.KeyID, nil)))
	c.Answer("GET "+all, list(
		key("key_a", other, nil), key("key_b", "key_a", nil), key("key_c", "key_b", object{"revokedAt": "2026-03-01T00:00:00Z"}), key("key_d", webtest.KeyID, nil), key(other, webtest.KeyID, nil),
	))
	return c
}

func TestRevokeAsksWithNameAndNumber(t *testing.T) {
	page := console(t).Get(webtest.Writer, "keys/"+other+"/revoke")
	assert.Contains(t, page.TextOf("h1"), "CI <script>")
	for _, text := range []string{other, "Acme", "rdk_abcd", "others (2 valid now)"} {
		assert.Contains(t, page.Text(), text)
	}
	assert.NotContains(t, page.Text(), "You are signed in with this key.")
	assert.Equal(t, []string{webtest.Path("keys/" + other + "/revoke")}, page.Forms())
	assert.Empty(t, page.Value("descendants"))
	assert.Contains(t, strings.Join(page.Exact("pre"), ""), "curl -X DELETE 'http://example.com"+one+"'")
}

func TestRevokeOwnKeyIsSaid(t *testing.T) {
	c := console(t)
	c.Answer("GET "+all+"/"+webtest.KeyID, reply(key(webtest.KeyID, "", nil)))
	assert.Contains(t, c.Get(webtest.Writer, "keys/"+webtest.KeyID+"/revoke").Text(), "You are signed in with this key.")
}

func TestRevokeCountsAtLeastInLongList(t *testing.T) {
	c := console(t)
	c.AnswerBy("GET "+all, func(call webtest.Call) webtest.Reply {
		return reply(object{"items": []any{key("key_x"+call.Query.Get("cursor"), other, nil)}, "hasMore": true, "nextCursor": call.Query.Get("cursor") + "1"})
	})
	assert.Contains(t, c.Get(webtest.Writer, "keys/"+other+"/revoke").Text(), "(at least 10 valid now)")
}

func TestRevokeKeysInCircleEnds(t *testing.T) {
	c := console(t)
	c.Answer("GET "+all, list(key(other, "key_a", nil), key("key_a", other, nil)))
	assert.Contains(t, c.Get(webtest.Writer, "keys/"+other+"/revoke").Text(), "(1 valid now)")
}

func TestRevoke(t *testing.T) {
	for name, test := range map[string]struct {
		form    url.Values
		query   url.Values
		said    string
		revoked bool
	}{
		"one":                      {url.Values{}, url.Values{}, "is revoked.", false},
		"with descendants":         {url.Values{"descendants": {"true"}}, url.Values{"descendants": {"true"}}, "and so are all keys that it has created.", false},
		"again, with descendants":  {url.Values{"descendants": {"true"}}, url.Values{"descendants": {"true"}}, "and so are all keys that it has created.", true},
		"descendants not selected": {url.Values{"descendants": {"<b>"}}, url.Values{}, "is revoked.", false},
	} {
		c := console(t)
		if test.revoked {
			c.Answer("GET "+one, reply(key(other, "", object{"revokedAt": "2026-03-01T00:00:00Z"})))
		}
		c.Answer("DELETE "+one, reply(key(other, "", nil)))
		page := c.Post(webtest.Writer, "keys/"+other+"/revoke", test.form)
		assert.Equal(t, webtest.Path("keys"), page.Location, name)
		assert.Equal(t, "done", page.FlashKind, name)
		assert.Contains(t, page.Flash, test.said, name)
		assert.Equal(t, test.query, c.Call("DELETE").Query, name)
	}
}

func TestRevokeTwiceSaysSo(t *testing.T) {
	c := console(t)
	c.Answer("GET "+one, reply(key(other, "", object{"revokedAt": "2026-03-01T00:00:00Z"})))
	page := c.Post(webtest.Writer, "keys/"+other+"/revoke", nil)
	assert.Equal(t, "same", page.FlashKind)
	assert.Contains(t, page.Flash, "was revoked before. Nothing was changed.")
	assert.Empty(t, c.Calls("DELETE"))
}

func TestRevokeLastKeyRefusalIsShown(t *testing.T) {
	c := console(t)
	c.Answer("DELETE "+one, webtest.Reply{Status: 400, Reason: "last_read_write_key", Message: "create another read-write key first <b>"})
	page := c.Post(webtest.Writer, "keys/"+other+"/revoke", url.Values{"descendants": {"true"}})
	assert.Equal(t, 400, page.Status)
	assert.Contains(t, page.Text(), "create another read-write key first <b>")
	assert.Equal(t, "true", page.Value("descendants"))
}

func TestRevokeUnknownKeyIsNotFound(t *testing.T) {
	c := console(t)
	for _, id := range []string{"key_1", "new2", url.PathEscape(webtest.Hostile)} {
		page := fmt.Sprintf("keys/%s/revoke", id)
		assert.Equal(t, 404, c.Get(webtest.Writer, page).Status, id)
		assert.Equal(t, 404, c.Post(webtest.Writer, page, nil).Status, id)
	}
	assert.Empty(t, c.Calls("GET"))
	c.Answer("GET "+one, webtest.Reply{Status: 404, Reason: "not_found", Message: "no such key"})
	assert.Equal(t, 404, c.Post(webtest.Writer, "keys/"+other+"/revoke", nil).Status)
}
