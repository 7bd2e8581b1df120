package main

import (
	"bytes"
	"context"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"redrive/pkg/testservers"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(testservers.Suite(m)) }

// result is the exit code and the output of a run.
type result struct {
	code           int
	stdout, stderr string
}

func runWith(t *testing.T, environ []string, args ...string) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), args, environ, &stdout, &stderr)
	return result{code, stdout.String(), stderr.String()}
}

func TestHelpAndVersion(t *testing.T) {
	for _, args := range [][]string{{"--help"}, {"-h"}, {"help"}, {"keys", "--help"}, {"keys", "-h"}, {"keys", "create", "--help"}, {"keys", "list", "-h"}} {
		r := runWith(t, nil, args...)
		assert.Equal(t, result{0, usage, ""}, r, "%v", args)
	}
	for _, args := range [][]string{{"--version"}, {"version"}} {
		assert.Equal(t, result{0, version + "\n", ""}, runWith(t, nil, args...))
	}
	for _, command := range []string{"serve", "migrate", "keys create", "keys list", "keys revoke", "rotate-secrets", "--version", "--help"} {
		assert.Contains(t, usage, command)
	}
}

func TestArgumentsWrongExitCodeTwo(t *testing.T) {
	environ := []string{"DATABASE_URL=postgres://nobody@127.0.0.1:1/nothing"}
	for line, message := range map[string]string{
		"frobnicate":                       `no command "frobnicate"`,
		"Serve":                            `no command "Serve"`,
		"serve now":                        "serve takes no arguments",
		"migrate down":                     "migrate takes no arguments",
		"rotate-secrets now":               "rotate-secrets takes no arguments",
		"keys":                             "create, list and revoke",
		"keys frobnicate":                  "do not fit",
		"keys create now":                  "do not fit",
		"keys list all":                    "do not fit",
		"keys revoke":                      "do not fit",
		"keys revoke key_1 key_2":          "do not fit",
		"keys create --frobnicate":         "frobnicate",
		"keys create --organization":       "organization",
		"keys create --name n":             "organization",
		"keys create --organization org_a": "name",
		"keys create --organization org/a": "organization",
		"keys list --organization org/a":   "organization",
		"keys revoke x":                    "key_",
		"keys revoke dlv_01M7WV53ZTT50ZVB4VGFWDTC7B":                   "key_",
		"keys create --organization org_a --name n --scope admin":      "read or read-write",
		"keys create --organization org_a --name n --scope READ-WRITE": "read or read-write",
	} {
		r := runWith(t, environ, strings.Fields(line)...)
		assert.Equal(t, 2, r.code, line)
		assert.Contains(t, r.stderr, message, line)
		assert.True(t, strings.HasPrefix(r.stderr, "api-service: "), r.stderr)
		assert.Empty(t, r.stdout, line)
	}
}

func TestSettingsWrongAllNamedNotQuoted(t *testing.T) {
	r := runWith(t, nil)
	assert.Equal(t, 2, r.code)
	for _, name := range []string{"DATABASE_URL", "REDIS_URL", "SECRETS_KEY"} {
		assert.Contains(t, r.stderr, name+" is required")
	}
	for _, args := range [][]string{{"migrate"}, {"keys", "list"}, {"keys", "create", "--organization", "org_a", "--name", "n"}} {
		r := runWith(t, []string{"DATABASE_URL="}, args...)
		assert.Equal(t, 2, r.code)
		assert.Contains(t, r.stderr, "DATABASE_URL")
		assert.NotContains(t, r.stderr, "REDIS_URL", "what is not needed is not asked for")
	}

	const canary = "c4n4ry-of-a-test"
	good := map[string]string{
		"DATABASE_URL": "postgres://nobody:" + canary + "@127.0.0.1:1/nothing", "REDIS_URL": "redis://:" + canary + "@127.0.0.1:1",
		"SECRETS_KEY": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=", "OPERATOR_PASSWORD": canary, "API_ADDR": "127.0.0.1:0", "OPS_ADDR": "127.0.0.1:0",
	}
	for name, wrong := range map[string]string{
		"DATABASE_URL": "postgres://nobody:" + canary + "@127.0.0.1:port/x y", "REDIS_URL": "http://:" + canary + "@127.0.0.1", "SECRETS_KEY": canary,
		"OPERATOR_PASSWORD": "c4n4ry", "LOG_FORMAT": "xml", "LOG_LEVEL": "loud", "QUEUES_READ_ONLY": "maybe", "EGRESS_ALLOW": "10.0.0.0/33", "DATABASE_MAX_CONNECTIONS": "0", "DATABASE_TIMEOUT": "1ms",
	} {
		environ := []string{name + "=" + wrong}
		for other, value := range good {
			if other != name {
				environ = append(environ, other+"="+value)
			}
		}
		r := runWith(t, environ, "serve")
		assert.Equal(t, 2, r.code, name)
		assert.Contains(t, r.stderr, name)
		assert.NotContains(t, r.stderr+r.stdout, "c4n4ry", name)
	}
}

func TestDatabaseUnavailableExitCodeOne(t *testing.T) {
	for _, args := range [][]string{{"migrate"}, {"keys", "list"}} {
		r := runWith(t, []string{"DATABASE_URL=postgres://nobody:c4n4ry@127.0.0.1:1/nothing"}, args...)
		assert.Equal(t, 1, r.code)
		assert.Contains(t, r.stderr, "cannot reach its database")
		assert.NotContains(t, r.stderr, "c4n4ry")
	}
}

func TestCommandInterruptedEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stdout, stderr bytes.Buffer
	assert.Equal(t, 1, run(ctx, []string{"migrate"}, []string{"DATABASE_URL=" + testservers.Postgres(t)}, &stdout, &stderr))
}

func TestMigrateTwiceAppliesOnce(t *testing.T) {
	environ := []string{"DATABASE_URL=" + testservers.Postgres(t)}
	r := runWith(t, environ, "keys", "list")
	assert.Equal(t, 1, r.code)
	assert.Contains(t, r.stderr, "api-service migrate", "it says how to mend it")

	first := runWith(t, environ, "migrate")
	assert.Equal(t, 0, first.code, first.stderr)
	assert.Contains(t, first.stdout, "applied 00001_initial.sql\n")
	assert.Equal(t, result{0, "the schema is up to date\n", ""}, runWith(t, environ, "migrate"))
}

func TestKeysCreateListRevoke(t *testing.T) {
	environ := []string{"DATABASE_URL=" + testservers.Postgres(t)}
	require.Equal(t, 0, runWith(t, environ, "migrate").code)
	empty := runWith(t, environ, "keys", "list")
	assert.Equal(t, 0, empty.code)
	assert.Equal(t, 1, strings.Count(empty.stdout, "\n"), "the headings alone")

	created := runWith(t, environ, "keys", "create", "--organization", "org_a", "--name", "ci", "--scope", "read-write")
	require.Equal(t, 0, created.code, created.stderr)
	assert.Regexp(t, `^rdk_[0-9A-Za-z]{49}\n$`, created.stdout, "the raw key and nothing else")
	assert.Empty(t, created.stderr)
	require.Equal(t, 0, runWith(t, environ, "keys", "create", "--organization", "org_b", "--name", "by default").code)

	all := runWith(t, environ, "keys", "list")
	assert.Equal(t, 3, strings.Count(all.stdout, "\n"))
	assert.Regexp(t, `key_\w{26} +org_a +ci +read-write +rdk_\w{8} +\S+Z +valid\n`, all.stdout)
	assert.Regexp(t, `key_\w{26} +org_b +by default +read +rdk_\w{8} +\S+Z +valid\n`, all.stdout)
	assert.NotContains(t, all.stdout, strings.TrimSpace(created.stdout))
	own := runWith(t, environ, "keys", "list", "--organization", "org_a")
	assert.NotContains(t, own.stdout, "org_b")

	id := regexp.MustCompile(`key_\w{26}`).FindString(own.stdout)
	assert.Equal(t, result{0, "", ""}, runWith(t, environ, "keys", "revoke", id))
	assert.Equal(t, 0, runWith(t, environ, "keys", "revoke", id).code, "revoking twice changes nothing")
	assert.Contains(t, runWith(t, environ, "keys", "list", "--organization", "org_a").stdout, "revoked\n")

	missing := runWith(t, environ, "keys", "revoke", "key_01M7WV53ZTT50ZVB4VGFWDTC7B")
	assert.Equal(t, 1, missing.code)
	assert.Contains(t, missing.stderr, "there is no API key key_01M7WV53ZTT50ZVB4VGFWDTC7B")
}
