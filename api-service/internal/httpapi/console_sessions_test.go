package httpapi

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/api-service/internal/sessions"
	"redrive/pkg/webhook"
)

// consoleLink creates a link and returns the answer's data and the token.
func (s *service) consoleLink(t *testing.T, body string) (data map[string]any, token string) {
	t.Helper()
	data = granted(t, s.call(t, "POST", consoles, s.writer, body))
	token, found := strings.CutPrefix(data["url"].(string), publicURL+"/console/link?token=")
	require.True(t, found, data["url"])
	return data, token
}

// lasts returns the time between two fields.
func lasts(t *testing.T, data map[string]any, from, to string) time.Duration {
	t.Helper()
	begin, err := time.Parse(time.RFC3339, data[from].(string))
	require.NoError(t, err)
	end, err := time.Parse(time.RFC3339, data[to].(string))
	require.NoError(t, err)
	return end.Sub(begin)
}

func TestConsoleSessionCreateOpenEnd(t *testing.T) {
	var registry *sessions.Registry
	s := newService(t, func(d *Dependencies) { registry = d.Sessions }).withKeys(t)
	created, linkToken := s.consoleLink(t, `{"scope": "read-write", "subject": "ada", "path": "/console/o/`+organization+`/events?eventType=run.finished"}`)
	assert.Len(t, created, 4)
	assert.Equal(t, time.Hour, lasts(t, created, "linkExpiresAt", "sessionExpiresAt"))
	path := consoles + "/" + created["id"].(string)
	answered := s.call(t, "GET", path, s.reader, "")
	assert.NotContains(t, string(answered.body), linkToken)
	session := granted(t, answered)
	assert.Equal(t, []any{created["id"], organization, "read-write", "ada", "/console/o/" + organization + "/events?eventType=run.finished"},
		[]any{session["id"], session["organizationId"], session["scope"], session["subject"], session["path"]})
	assert.Equal(t, []any{created["linkExpiresAt"], created["sessionExpiresAt"]}, []any{session["linkExpiresAt"], session["sessionExpiresAt"]})
	assert.Equal(t, 10*time.Minute, lasts(t, session, "createdAt", "linkExpiresAt"))
	assert.Regexp(t, "^key_", session["createdBy"])
	assert.NotContains(t, session, "openedAt")

	_, token, err := registry.Open(t.Context(), linkToken)
	require.NoError(t, err)
	session = granted(t, s.call(t, "GET", path, s.reader, ""))
	assert.Equal(t, time.Hour, lasts(t, session, "openedAt", "sessionExpiresAt"))
	assert.NotContains(t, session, "endedAt")

	refused(t, s.call(t, "DELETE", path, s.reader, ""), 403, "read_only_key")
	ended := granted(t, s.call(t, "DELETE", path, s.writer, ""))
	assert.NotEmpty(t, ended["endedAt"])
	assert.Equal(t, ended, granted(t, s.call(t, "DELETE", path, s.writer, "")), "ending again changes nothing")
	_, err = registry.Find(t.Context(), token)
	require.ErrorIs(t, err, sessions.ErrNoSession)

	var actions []string
	for _, line := range s.lines(t) {
		if line["msg"] == "audit" {
			actions = append(actions, line["action"].(string))
			assert.Equal(t, []any{created["id"], organization, session["createdBy"]}, []any{line["subject"], line["organizationId"], line["actor"]})
		}
	}
	assert.Equal(t, []string{"console_session.created", "console_session.ended", "console_session.ended"}, actions)
	for _, secret := range []string{linkToken, token} {
		assert.NotContains(t, s.log.String(), secret)
	}
}

func TestConsoleSessionDefaultsToReading(t *testing.T) {
	s := newService(t).withKeys(t)
	created, _ := s.consoleLink(t, `{}`)
	session := granted(t, s.call(t, "GET", consoles+"/"+created["id"].(string), s.reader, ""))
	assert.Equal(t, "read", session["scope"])
	for _, absent := range []string{"subject", "path", "openedAt", "endedAt"} {
		assert.NotContains(t, session, absent)
	}
	created, _ = s.consoleLink(t, `{"linkExpiresInSeconds": 604800, "sessionExpiresInMinutes": 10080}`)
	session = granted(t, s.call(t, "GET", consoles+"/"+created["id"].(string), s.reader, ""))
	assert.Equal(t, webhook.MaxLinkLifetime, lasts(t, session, "createdAt", "linkExpiresAt"))
	assert.Equal(t, webhook.MaxSessionLifetime, lasts(t, session, "linkExpiresAt", "sessionExpiresAt"))
}

func TestConsoleSessionMalformedNamesField(t *testing.T) {
	s := newService(t).withKeys(t)
	for sent, want := range map[string][2]string{
		`{"scope": "platform"}`: {"invalid_scope", "scope"},
		`{"scope": ""}`:         {"invalid_scope", "scope"},
		`{"scope": 1}`:          {"invalid_type", "scope"},
		`{"subject": "` + strings.Repeat("a", 129) + `"}`:                  {"too_long", "subject"},
		`{"subject": "a\u0000"}`:                                           {"invalid_text", "subject"},
		`{"subject": null}`:                                                {"null_not_allowed", "subject"},
		`{"linkExpiresInSeconds": 0}`:                                      {"out_of_range", "linkExpiresInSeconds"},
		`{"linkExpiresInSeconds": -1}`:                                     {"out_of_range", "linkExpiresInSeconds"},
		`{"linkExpiresInSeconds": 604801}`:                                 {"out_of_range", "linkExpiresInSeconds"},
		`{"linkExpiresInSeconds": 9223372036854775807}`:                    {"out_of_range", "linkExpiresInSeconds"},
		`{"linkExpiresInSeconds": 1.5}`:                                    {"invalid_type", "linkExpiresInSeconds"},
		`{"sessionExpiresInMinutes": 0}`:                                   {"out_of_range", "sessionExpiresInMinutes"},
		`{"sessionExpiresInMinutes": 10081}`:                               {"out_of_range", "sessionExpiresInMinutes"},
		`{"sessionExpiresInMinutes": -9223372036854775808}`:                {"out_of_range", "sessionExpiresInMinutes"},
		`{"path": "/console/o/org_other/overview"}`:                        {"invalid_path", "path"},
		`{"path": "https://evil.example/"}`:                                {"invalid_path", "path"},
		`{"path": "/console/o/org_own/../org_other/overview"}`:             {"invalid_path", "path"},
		`{"path": "/console/o/org_own/%2e%2e/org_other/overview"}`:         {"invalid_path", "path"},
		`{"path": "/console/o/org_own/` + strings.Repeat("a", 2000) + `"}`: {"too_long", "path"},
		`{"organizationId": "org_other"}`:                                  {"unknown_field", "organizationId"},
		`{"apiKeyId": "key_x"}`:                                            {"unknown_field", "apiKeyId"},
	} {
		f := refused(t, s.call(t, "POST", consoles, s.writer, sent), 400, want[0])
		assert.Equal(t, want[1], f.Details[0].Field, "%.100s", sent)
	}
	for query, want := range map[string][2]string{
		"?subject=":                            {"required", "subject"},
		"?subject=a%00":                        {"invalid_text", "subject"},
		"?subject=" + strings.Repeat("a", 129): {"too_long", "subject"},
		"?Subject=a":                           {"unknown_parameter", "Subject"},
		"?subject=a&subject=b":                 {"repeated_parameter", "subject"},
		"?offset=1":                            {"unknown_parameter", "offset"},
		"?scope=read":                          {"unknown_parameter", "scope"},
		"?limit=0":                             {"out_of_range", "limit"},
		"?cursor=" + strings.Repeat("a", 20):   {"invalid_cursor", "cursor"},
	} {
		f := refused(t, s.call(t, "GET", consoles+query, s.reader, ""), 400, want[0])
		assert.Equal(t, want[1], f.Details[0].Field, query)
	}
	refused(t, s.call(t, "POST", consoles, s.reader, `{}`), 403, "read_only_key")
	assert.Empty(t, granted(t, s.call(t, "GET", consoles, s.reader, ""))["items"])
}

// The Host header and the headers of proxies do not choose where a link leads.
func TestConsoleLinkNeedsPublicURL(t *testing.T) {
	s := newService(t, func(d *Dependencies) { d.Sessions = sessions.New(d.Console.(sessions.Store), sessions.Options{}) }).withKeys(t)
	refused(t, s.call(t, "POST", consoles, s.writer, `{}`, header("X-Forwarded-Host", "evil.example"), header("X-Forwarded-Proto", "https")), 400, "public_url_missing")
	assert.Empty(t, granted(t, s.call(t, "GET", consoles, s.reader, ""))["items"])
}

func TestConsoleSessionsOfOrganization(t *testing.T) {
	s := newService(t).withKeys(t)
	for i := range 5 {
		s.consoleLink(t, `{"subject": "person `+strconv.Itoa(i%2)+`"}`)
	}
	other := s.newKey(t, webhook.APIKeySpec{OrganizationID: "org_other", Scope: webhook.ScopeReadWrite})
	created, _ := s.consoleLink(t, `{}`)
	path := consoles + "/" + created["id"].(string)
	refused(t, s.call(t, "GET", path, other, ""), 404, "console_session_not_found")
	refused(t, s.call(t, "DELETE", path, other, ""), 404, "console_session_not_found")
	assert.Empty(t, granted(t, s.call(t, "GET", consoles, other, ""))["items"])
	assert.NotContains(t, granted(t, s.call(t, "GET", path, s.reader, "")), "endedAt")

	seen := map[any]bool{}
	query := "?limit=2&subject=person+0"
	for {
		page := granted(t, s.call(t, "GET", consoles+query, s.reader, ""))
		assert.NotContains(t, page, "offset")
		for _, item := range page["items"].([]any) {
			assert.Equal(t, "person 0", item.(map[string]any)["subject"])
			seen[item.(map[string]any)["id"]] = true
		}
		if page["hasMore"] != true {
			break
		}
		query = "?limit=2&subject=person+0&cursor=" + page["nextCursor"].(string)
		refused(t, s.call(t, "GET", consoles+strings.Replace(query, "person+0", "person+1", 1), s.reader, ""), 400, "invalid_cursor")
	}
	assert.Len(t, seen, 3)
	assert.Len(t, granted(t, s.call(t, "GET", consoles, s.reader, ""))["items"], 6)

	platform := s.platformKey(t)
	found := granted(t, s.call(t, "GET", "/v1/lookup?id="+created["id"].(string), platform, ""))["items"].([]any)
	assert.Equal(t, []any{map[string]any{"type": "console_session", "id": created["id"], "organizationId": organization}}, found)
	byPlatform := granted(t, s.call(t, "POST", consoles, platform, `{}`, actFor(organization)))
	session := granted(t, s.call(t, "GET", consoles+"/"+byPlatform["id"].(string), s.reader, ""))
	assert.Equal(t, organization, session["organizationId"])
}

// A repeated call gets the same link. The database has it sealed.
func TestConsoleLinkRepeatedWithIdempotencyKey(t *testing.T) {
	s := newService(t).withKeys(t)
	first := s.withKey(t, "k", "POST", consoles, consoleBody)
	again := s.withKey(t, "k", "POST", consoles, consoleBody)
	assert.True(t, isReplayed(t, again))
	assert.Equal(t, granted(t, first), granted(t, again))
	assert.Len(t, granted(t, s.call(t, "GET", consoles, s.reader, ""))["items"], 1)
}

// A change by a session is found by the session's ID alone.
func TestChangesBySessionID(t *testing.T) {
	s := newService(t).withKeys(t)
	endpointID, _ := s.endpoint(t, s.writer)
	session := webhook.ConsoleSession{ID: webhook.NewID(webhook.KindConsoleSession, webhook.Now()), ByLink: true, Subject: "Ada (Analytical) 100%"}
	_, err := s.store.ChangeEndpoint(t.Context(), organization, endpointID, webhook.EndpointChange{
		Kind: webhook.ChangeUpdated, By: session.Actor(), At: webhook.Now(), Apply: func(e *webhook.Endpoint) error { e.Name = "new"; return nil },
	})
	require.NoError(t, err)
	changes := s.listed(t, base+"/changes?by="+session.ID)
	require.Len(t, changes, 1)
	assert.Equal(t, session.Actor(), changes[0]["by"])
}
