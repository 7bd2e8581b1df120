package keys_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/api-service/internal/console/keys"
	"redrive/api-service/internal/console/web"
	"redrive/api-service/internal/console/webtest"
)

const (
	all   = "/v1/api-keys"
	other = "key_00000000000000000000000002"
	one   = all + "/" + other
	raw   = "rdk_secret"
)

// object is a JSON object.
type object map[string]any

// reply is an answer with a value as its data.
func reply(data any) webtest.Reply { return webtest.Reply{Data: webtest.JSON(data)} }

func list(keys ...any) webtest.Reply { return reply(object{"items": keys, "hasMore": false}) }

// key is a key that another has created.
func key(id, by string, more object) object {
	k := object{"id": id, "name": "CI " + webtest.Hostile, "scope": "read", "keyPrefix": "rdk_abcd", "createdBy": by, "createdAt": "2026-01-02T03:04:05Z"}
	for name, value := range more {
		k[name] = value
	}
	return k
}

func TestListShowsKeys(t *testing.T) {
	c := webtest.New(t, keys.Routes())
	c.Answer("GET "+all, reply(object{"items": []any{
		key(other, webtest.Hostile, object{"description": webtest.Hostile, "scope": "read-write", "lastUsedAt": "2026-02-01T00:00:00Z"}),
		key("key_00000000000000000000000003", other, object{"revokedAt": "2026-03-01T00:00:00Z"}),
		key("key_00000000000000000000000004", other, object{"expiresAt": "2020-01-01T00:00:00Z"}),
	}, "hasMore": true, "nextCursor": "c+1"}))
	page := c.Get(webtest.Writer, "keys?cursor=c0")
	assert.Equal(t, url.Values{"limit": {"50"}, "cursor": {"c0"}}, c.Call("GET").Query)
	for _, text := range []string{"✓ Valid", "– Revoked 2026-03-01", "– Expired", "CI <script>", "rdk_abcd", "read-write", "2026-02-01 00:00:00 UTC", "never", "by <script>"} {
		assert.Contains(t, page.Text(), text)
	}
	assert.True(t, page.Has("a", "href", webtest.Path("keys?cursor=c%2B1")))
	assert.True(t, page.Has("a", "href", webtest.Path("keys/new")))
	assert.True(t, page.Has("a", "href", webtest.Path("keys/"+other+"/revoke")))
	assert.False(t, page.Has("a", "href", webtest.Path("keys/key_00000000000000000000000003/revoke")), "it is revoked")

	page = c.Get(webtest.Reader, "keys")
	assert.Equal(t, 200, page.Status)
	assert.False(t, page.Has("a", "href", webtest.Path("keys/new")))
	assert.False(t, page.Has("a", "href", webtest.Path("keys/"+other+"/revoke")))
}

func TestPagesNeedKey(t *testing.T) {
	pages := []string{"keys", "keys/new", "keys/" + other + "/revoke"}
	for who, readable := range map[webtest.Who]bool{webtest.Linked: false, webtest.Reader: true, webtest.Operator: true} {
		c := webtest.New(t, keys.Routes())
		c.Answer("GET "+all, list())
		for i, page := range pages {
			want := 403
			if readable && i == 0 {
				want = 200
			}
			assert.Equal(t, want, c.Get(who, page).Status, "%s %s", who, page)
			if i > 0 {
				assert.Equal(t, 403, c.Post(who, page, url.Values{"name": {"n"}}).Status, "%s %s", who, page)
			}
		}
		assert.Empty(t, c.Calls("POST"))
		assert.Empty(t, c.Calls("DELETE"))
	}
}

func TestCreateSendsFormAndShowsKeyOnce(t *testing.T) {
	for name, test := range map[string]struct {
		form url.Values
		body string
	}{
		"never expires": {url.Values{"name": {" CI "}, "scope": {"read"}}, `{"name":"CI","scope":"read"}`},
		"expires": {
			url.Values{"name": {"CI"}, "description": {"d"}, "scope": {"read-write"}, "days": {"30"}, "shown": {"2026-01-15T12:00:00.123456789Z"}},
			`{"name":"CI","description":"d","scope":"read-write","expiresAt":"2026-02-14T12:00:00.123456Z"}`,
		},
	} {
		for _, repeated := range []bool{false, true} {
			c := webtest.New(t, keys.Routes())
			c.Answer("POST "+all, webtest.Reply{Data: webtest.JSON(key(other, webtest.KeyID, object{"key": raw})), Replayed: repeated})
			test.form.Set("once", "console-1")
			page := c.Post(webtest.Writer, "keys/new", test.form)
			assert.Equal(t, 200, page.Status, name)
			assert.Equal(t, "no-store", page.Header.Get("Cache-Control"))
			assert.Equal(t, []string{raw}, page.Exact("pre"), name)
			assert.True(t, page.Has("button", "data-copy", raw), name)
			assert.Contains(t, page.TextOf("h1"), "CI <script>", name)
			assert.Equal(t, repeated, strings.Contains(page.Text(), "No other key was created"), name)
			call := c.Call("POST")
			assert.Equal(t, test.body, call.Body, name)
			assert.Equal(t, "console-1", call.Key, name)
		}
	}
}

func TestCreateFormSaysWhenItWasShown(t *testing.T) {
	c := webtest.New(t, keys.Routes())
	page := c.Get(webtest.Writer, "keys/new")
	shown, err := time.Parse(time.RFC3339Nano, page.Value("shown"))
	require.NoError(t, err)
	assert.WithinDuration(t, time.Now(), shown, time.Minute)
	assert.Equal(t, "read", page.Value("scope"))
	assert.True(t, strings.HasPrefix(page.Value("once"), "console-"))
	assert.Empty(t, c.Calls("GET"))
}

func TestCreateRefusedRefillsForm(t *testing.T) {
	refusal := webtest.Reply{Status: 400, Reason: "api_key_limit", Message: "too many <b>"}
	for name, test := range map[string]struct {
		days, shown string
		reply       webtest.Reply
		said        string
	}{
		"by the API":     {"", "", refusal, "too many <b>"},
		"forbidden":      {"", "", webtest.Reply{Status: 403, Reason: "wider_scope", Field: "scope", Message: "not wider"}, "not wider"},
		"sent otherwise": {"", "", webtest.Reply{Status: 400, Reason: "idempotency_key_reused", Message: "key"}, "This form was sent before, with other content."},
		"in progress":    {"5", "2026-01-15T12:00:00Z", webtest.Reply{Status: 409, Reason: "idempotency_in_progress", Message: "in progress"}, "in progress"},
		"no number":      {"<script>", "2026-01-15T12:00:00Z", webtest.Reply{}, "must be a whole number from 1 to 36,500"},
		"no days":        {"0", "2026-01-15T12:00:00Z", webtest.Reply{}, "must be a whole number from 1 to 36,500"},
		"too many days":  {"36501", "2026-01-15T12:00:00Z", webtest.Reply{}, "must be a whole number from 1 to 36,500"},
		"no time":        {"5", "now", webtest.Reply{}, "Open the page again."},
	} {
		c := webtest.New(t, keys.Routes())
		if test.reply.Status != 0 {
			c.Answer("POST "+all, test.reply)
		}
		form := url.Values{"once": {"console-1"}, "name": {"N " + webtest.Hostile}, "description": {"</form>"}, "scope": {"read-write"}, "days": {test.days}, "shown": {test.shown}}
		page := c.Post(webtest.Writer, "keys/new", form)
		assert.Equal(t, max(test.reply.Status, 400), page.Status, name)
		assert.Contains(t, page.Text(), test.said, name)
		for _, field := range []string{"name", "description", "scope", "days"} {
			assert.Equal(t, form.Get(field), page.Value(field), name+" "+field)
		}
		if test.shown != "" && test.shown != "now" {
			assert.Equal(t, test.shown, page.Value("shown"), name+": otherwise the second submission would be another call")
		}
		assert.Equal(t, test.reply.Reason != web.KeyReused, page.Value("once") == "console-1", name)
	}
}

func TestCreateUnavailableShowsProblem(t *testing.T) {
	c := webtest.New(t, keys.Routes())
	c.Answer("POST "+all, webtest.Reply{Status: 503, Reason: "unavailable", Message: "try again"})
	assert.Equal(t, 503, c.Post(webtest.Writer, "keys/new", url.Values{"name": {"n"}}).Status)
}
