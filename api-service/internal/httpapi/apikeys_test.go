package httpapi

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/webhook"
)

func TestKeyCreateUseRevoke(t *testing.T) {
	s := newService(t).withKeys(t)
	data := granted(t, s.call(t, "POST", keys, s.writer, `{"name":"ci","description":"builds","scope":"read-write","expiresAt":"2099-01-02T05:04:05.1234567+02:00"}`))
	raw, id := data["key"].(string), data["id"].(string)
	assert.Regexp(t, `^rdk_[0-9A-Za-z]{49}$`, raw)
	assert.Equal(t, "2099-01-02T03:04:05.123456Z", data["expiresAt"], "in UTC, and no more of it than is kept")
	assert.Equal(t, raw[:12], data["keyPrefix"])
	assert.Equal(t, []any{organization, "ci", "builds", "read-write"}, []any{data["organizationId"], data["name"], data["description"], data["scope"]})
	assert.NotContains(t, data, "revokedAt")
	assert.NotContains(t, data, "lastUsedAt")
	assert.Regexp(t, `^key_`, data["createdBy"])

	delete(data, "key")
	assert.Equal(t, data, granted(t, s.call(t, "GET", keys+"/"+id, s.reader, "")), "the raw key is shown this once")
	list := granted(t, s.call(t, "GET", keys, s.reader, ""))["items"].([]any)
	assert.Len(t, list, 3)
	assert.Equal(t, data, list[0], "newest first")

	granted(t, s.call(t, "POST", base, raw, createBody))
	revoked := granted(t, s.call(t, "DELETE", keys+"/"+id, s.writer, ""))
	assert.NotEmpty(t, revoked["revokedAt"])
	assert.Equal(t, revoked, granted(t, s.call(t, "DELETE", keys+"/"+id, s.writer, "")), "revoking again changes nothing")
	assert.Equal(t, revoked, granted(t, s.call(t, "GET", keys+"/"+id, s.reader, "")))
	assert.Len(t, granted(t, s.call(t, "GET", keys, s.reader, ""))["items"], 3, "it stays on record")
	require.Eventually(t, func() bool { return s.call(t, "GET", base, raw, "").status == 401 }, time.Minute, 10*time.Millisecond)
}

// The documentation says so, and how to find the keys that a leaked key created.
func TestKeyCreatorRevokedStaysValid(t *testing.T) {
	s := newService(t).withKeys(t)
	parent := granted(t, s.call(t, "POST", keys, s.writer, `{"name":"parent","scope":"read-write"}`))
	child := granted(t, s.call(t, "POST", keys, parent["key"].(string), `{"name":"child","scope":"read-write"}`))
	assert.Equal(t, parent["id"], child["createdBy"])
	granted(t, s.call(t, "DELETE", keys+"/"+parent["id"].(string), s.writer, ""))
	require.Eventually(t, func() bool { return s.call(t, "GET", base, parent["key"].(string), "").status == 401 }, 30*time.Second, 10*time.Millisecond)
	granted(t, s.call(t, "POST", base, child["key"].(string), createBody))
	granted(t, s.call(t, "DELETE", keys+"/"+child["id"].(string), s.writer, ""))
	require.Eventually(t, func() bool { return s.call(t, "GET", base, child["key"].(string), "").status == 401 }, 30*time.Second, 10*time.Millisecond)
}

func TestKeyDefaultScopeIsRead(t *testing.T) {
	s := newService(t).withKeys(t)
	data := granted(t, s.call(t, "POST", keys, s.writer, `{"name":"n"}`))
	assert.Equal(t, "read", data["scope"])
	assert.NotContains(t, data, "expiresAt")
	raw := data["key"].(string)
	granted(t, s.call(t, "GET", keys, raw, ""))
	refused(t, s.call(t, "POST", keys, raw, `{"name":"n"}`), 403, "read_only_key")
	refused(t, s.call(t, "DELETE", keys+"/"+data["id"].(string), raw, ""), 403, "read_only_key")
}

func TestCreateKeyInvalidRefused(t *testing.T) {
	s := newService(t).withKeys(t)
	for body, reason := range map[string]string{
		`{}`: "required", `{"name":" "}`: "required", `{"name":"` + strings.Repeat("x", 129) + `"}`: "too_long", `{"name":"a\u0000"}`: "invalid_text",
		`{"name":"n","description":"` + strings.Repeat("x", 1025) + `"}`: "too_long",
		`{"name":"n","scope":""}`:                                            "invalid_scope",
		`{"name":"n","scope":"admin"}`:                                       "invalid_scope",
		`{"name":"n","scope":"READ"}`:                                        "invalid_scope",
		`{"name":"n","scope":null}`:                                          "null_not_allowed",
		`{"name":"n","scope":["read"]}`:                                      "invalid_type",
		`{"name":"n","organizationId":"org_b"}`:                              "unknown_field",
		`{"name":"n","key":"rdk_mine"}`:                                      "unknown_field",
		`{"name":"n","createdBy":"me"}`:                                      "unknown_field",
		`{"name":"n","expiresAt":1}`:                                         "invalid_type",
		`{"name":"n","expiresAt":null}`:                                      "null_not_allowed",
		`{"name":"n","expiresAt":""}`:                                        "invalid_time",
		`{"name":"n","expiresAt":"tomorrow"}`:                                "invalid_time",
		`{"name":"n","expiresAt":"2099-01-01"}`:                              "invalid_time",
		`{"name":"n","expiresAt":"\u0000"}`:                                  "invalid_time",
		`{"name":"n","expiresAt":"` + "2099-02-30T00:00:00Z" + `"}`:          "invalid_time",
		`{"name":"n","expiresAt":"0001-01-01T00:00:00Z"}`:                    "invalid_time",
		`{"name":"n","expiresAt":"0000-01-01T00:00:00Z"}`:                    "invalid_time",
		`{"name":"n","expiresAt":"9999-12-31T23:59:59-01:00"}`:               "invalid_time",
		`{"name":"n","expiresAt":"1999-01-01T00:00:00Z"}`:                    "out_of_range",
		`{"name":"n","expiresAt":"` + time.Now().Format(time.RFC3339) + `"}`: "out_of_range",
	} {
		refused(t, s.call(t, "POST", keys, s.writer, body), 400, reason)
	}
	granted(t, s.call(t, "POST", keys, s.writer, `{"name":"n","expiresAt":"9999-12-31T23:59:59Z"}`))
	granted(t, s.call(t, "GET", keys, s.reader, ""))
}

func TestCreateKeyLaterExpiryRefused(t *testing.T) {
	s := newService(t)
	ends := webhook.Now().Add(time.Hour)
	maker := s.newKey(t, webhook.APIKeySpec{Scope: webhook.ScopeReadWrite, ExpiresAt: ends})
	until := func(at time.Time) string {
		text, err := json.Marshal(map[string]string{"name": "n", "expiresAt": at.Format(time.RFC3339Nano)})
		require.NoError(t, err)
		return string(text)
	}
	f := refused(t, s.call(t, "POST", keys, maker, `{"name":"n"}`), 400, "outlives_its_maker")
	assert.Contains(t, f.Message, webhook.FormatTime(ends), "it says how to mend it")
	refused(t, s.call(t, "POST", keys, maker, until(ends.Add(time.Second))), 400, "outlives_its_maker")
	granted(t, s.call(t, "POST", keys, maker, until(ends)))
}

func TestRevokeLastReadWriteKeyRefused(t *testing.T) {
	s := newService(t).withKeys(t)
	idOf := func(raw string) string {
		key, err := s.store.FindAPIKeyByHash(t.Context(), webhook.HashAPIKey(raw))
		require.NoError(t, err)
		return key.ID
	}
	refused(t, s.call(t, "DELETE", keys+"/"+idOf(s.writer), s.writer, ""), 400, "last_read_write_key")
	granted(t, s.call(t, "GET", base, s.writer, ""))
	second := granted(t, s.call(t, "POST", keys, s.writer, `{"name":"n","scope":"read-write"}`))["key"].(string)

	// Both keys revoke themselves concurrently.
	statuses := make([]int, 2)
	var group sync.WaitGroup
	for i, raw := range []string{s.writer, second} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, s.url+keys+"/"+idOf(raw), nil)
		require.NoError(t, err)
		request.Header.Set("Authorization", "Bearer "+raw)
		group.Go(func() {
			response, err := s.client.Do(request)
			if assert.NoError(t, err) {
				_ = response.Body.Close()
				statuses[i] = response.StatusCode
			}
		})
	}
	group.Wait()
	assert.ElementsMatch(t, []int{200, 400}, statuses)
}
