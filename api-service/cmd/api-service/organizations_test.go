package main

import (
	"bytes"
	"context"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/store"
	"redrive/pkg/testservers"
	"redrive/pkg/webhook"
)

var keyID = regexp.MustCompile(`key_\w{26}`)

func TestOrganizationsListDeleteRestore(t *testing.T) {
	environ := []string{"DATABASE_URL=" + testservers.Postgres(t)}
	assert.Contains(t, runWith(t, environ, "organizations", "list").stderr, "api-service migrate")
	require.Equal(t, 0, runWith(t, environ, "migrate").code)
	empty := runWith(t, environ, "organizations", "list")
	assert.Equal(t, 0, empty.code)
	assert.Regexp(t, `^ID +NAME +CREATED +STATE\n$`, empty.stdout)
	for _, id := range []string{"org_b", "org_a"} {
		require.Equal(t, 0, runWith(t, environ, "keys", "create", "--organization", id, "--name", "n").code)
	}
	assert.Regexp(t, `STATE\norg_a +org_a +\S+Z +active\norg_b +org_b +\S+Z +active\n$`, runWith(t, environ, "organizations", "list").stdout)

	deleted := runWith(t, environ, "organizations", "delete", "org_a")
	assert.Equal(t, 0, deleted.code, deleted.stderr)
	assert.Regexp(t, "^deleted; `organizations restore org_a` restores it until \\S+Z\n$", deleted.stdout)
	assert.Regexp(t, `org_a +org_a +\S+Z +deleted, can be restored until \S+Z\norg_b.* active\n`, runWith(t, environ, "organizations", "list").stdout)
	refused := runWith(t, environ, "keys", "create", "--organization", "org_a", "--name", "n")
	assert.Equal(t, 1, refused.code)
	assert.Contains(t, refused.stderr, "restore it first")
	assert.Regexp(t, "^restored; without REDIS_URL, .* 40 s .*\\n$", runWith(t, environ, "organizations", "restore", "org_a").stdout)
	assert.NotContains(t, runWith(t, environ, "organizations", "list").stdout, "deleted")
	assert.Equal(t, 0, runWith(t, environ, "organizations", "restore", "org_a").code, "restoring twice changes nothing")

	for _, command := range []string{"delete", "restore"} {
		missing := runWith(t, environ, "organizations", command, "org_none")
		assert.Equal(t, 1, missing.code)
		assert.Contains(t, missing.stderr, "organization")
	}
	assert.NotContains(t, runWith(t, environ, "organizations", "list").stdout, "org_none", "restore creates none")

	require.Equal(t, 0, runWith(t, append(environ, "ERASURE_DELAY=0"), "organizations", "delete", "org_b").code)
	late := runWith(t, environ, "organizations", "restore", "org_b")
	assert.Equal(t, 1, late.code)
	assert.Contains(t, late.stderr, "being erased")
}

func TestOrganizationsArgumentsWrongExitCodeTwo(t *testing.T) {
	environ := []string{"DATABASE_URL=postgres://user@127.0.0.1:1/nothing"}
	for line, message := range map[string]string{
		"organizations":                                        "list, delete ID or restore ID",
		"organizations frobnicate":                             "list, delete ID or restore ID",
		"organizations list all":                               "list, delete ID or restore ID",
		"organizations delete":                                 "list, delete ID or restore ID",
		"organizations restore org_a org_b":                    "list, delete ID or restore ID",
		"organizations delete org/a":                           "organization",
		"keys create --platform --organization org_a --name n": "leave out --organization",
		"keys create --platform":                               "name",
	} {
		r := runWith(t, environ, strings.Fields(line)...)
		assert.Equal(t, 2, r.code, line)
		assert.Contains(t, r.stderr, message, line)
	}
	wrong := runWith(t, append(environ, "ERASURE_DELAY=soon"), "organizations", "delete", "org_a")
	assert.Equal(t, 2, wrong.code)
	assert.Contains(t, wrong.stderr, "ERASURE_DELAY")
	assert.Equal(t, result{0, usage, ""}, runWith(t, nil, "organizations", "--help"))
}

func TestKeysOfPlatformAndDescendants(t *testing.T) {
	url := testservers.Postgres(t)
	environ := []string{"DATABASE_URL=" + url}
	require.Equal(t, 0, runWith(t, environ, "migrate").code)
	created := runWith(t, environ, "keys", "create", "--platform", "--name", "platform")
	require.Equal(t, 0, created.code, created.stderr)
	assert.Regexp(t, `^rpk_[0-9A-Za-z]{49}\n$`, created.stdout)
	table := runWith(t, environ, "keys", "list").stdout
	assert.Regexp(t, `key_\w{26} +\(all\) +platform +platform +rpk_\w{8} +\S+Z +valid\n`, table)
	platform := keyID.FindString(table)
	assert.NotContains(t, runWith(t, environ, "organizations", "list").stdout, "platform", "it has no organization")

	s := openWith(t, url, newKey(t))
	parent := child(t, s, platform)
	grandchild := child(t, s, parent)
	other := child(t, s, "command line")
	states := func() string { return runWith(t, environ, "keys", "list").stdout }
	assert.Equal(t, 0, strings.Count(states(), "revoked\n"))
	assert.Equal(t, result{0, "", ""}, runWith(t, environ, "keys", "revoke", parent))
	assert.Equal(t, 1, strings.Count(states(), "revoked\n"))
	assert.Equal(t, result{0, "", ""}, runWith(t, environ, "keys", "revoke", "--descendants", platform))
	for _, id := range []string{platform, parent, grandchild} {
		assert.Regexp(t, id+`.* revoked\n`, states())
	}
	assert.Regexp(t, other+`.* valid\n`, states())
	assert.Equal(t, result{0, "", ""}, runWith(t, environ, "keys", "revoke", "--descendants", other), "the last key of its organization")
}

// child creates a key of the organization org_a by another key.
func child(t *testing.T, s *store.Store, by string) (id string) {
	t.Helper()
	spec := webhook.APIKeySpec{OrganizationID: "org_a", Name: "child", Scope: webhook.ScopeReadWrite, CreatedBy: by}
	key, _ := webhook.NewAPIKey(spec, webhook.Now())
	require.NoError(t, s.CreateAPIKey(t.Context(), key))
	return key.ID
}

func TestMigrateWarnsOfReservedEventTypes(t *testing.T) {
	url := testservers.Postgres(t)
	first := runWith(t, []string{"DATABASE_URL=" + url}, "migrate")
	assert.Contains(t, first.stdout, "applied "+reservingMigration+"\n")
	assert.NotContains(t, first.stdout, "warning")

	s := openWith(t, url, newKey(t))
	spec := webhook.EndpointSpec{Name: "n", URL: "https://example.com", SubscribedEventTypes: []string{"redrive.x"}}
	endpoint := webhook.NewEndpoint("org_a", "", spec, "whsec_a", webhook.Now())
	require.NoError(t, s.CreateEndpoint(t.Context(), endpoint))
	event := webhook.NewEvent("org_a", webhook.EventSpec{Type: "redrive.y", Data: []byte(`{}`)}, webhook.Now())
	require.NoError(t, s.CreateEvent(t.Context(), event, nil))
	var out bytes.Buffer
	warnReserved(t.Context(), s, &out)
	assert.Equal(t, "warning: there are events of the type redrive.y; publishing it is refused from now on\n"+
		"warning: endpoint "+endpoint.ID+" subscribes to event types that begin with redrive., which are reserved\n", out.String())

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	out.Reset()
	warnReserved(ctx, s, &out)
	assert.Regexp(t, `^warning: .* was not found out: .*canceled\n$`, out.String())
}
