package httpapi

import (
	"context"
	"crypto/sha256"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/api-service/internal/endpoints"
	"redrive/pkg/webhook"
)

// audits stops the service and returns the lines of its audit log.
func (s *service) audits(t *testing.T) (lines []map[string]any) {
	t.Helper()
	for _, line := range s.lines(t) {
		if line["msg"] == "audit" {
			delete(line, "time")
			lines = append(lines, line)
		}
	}
	return lines
}

// A creation is committed and answered 503. The answer to the repeated call writes its line, with the first request and its key. Further
// calls write none, and neither do those whose first answer was 200.
func TestAuditLineOfUnknownCommitWrittenOnce(t *testing.T) {
	s := newService(t).withKeys(t)
	limited := serve(t, s.store, func(d *Dependencies) {
		d.Registry = endpoints.New(&awayOnce{Store: s.store, committed: true}, anywhere{})
		d.Calls = &blindOnce{CallStore: s.store}
	})
	limited.writer = s.writer
	away := limited.withKey(t, "a", "POST", base, createBody)
	refused(t, away, 503, "database_unavailable")

	other := s.newKey(t, webhook.APIKeySpec{OrganizationID: organization, Scope: webhook.ScopeReadWrite})
	made := s.call(t, "POST", base, other, createBody, header("Idempotency-Key", "a"))
	require.True(t, isReplayed(t, made))
	created, _ := granted(t, made)["endpoint"].(map[string]any)
	for range 2 {
		require.True(t, isReplayed(t, s.withKey(t, "a", "POST", base, createBody)))
	}
	answered := s.withKey(t, "b", "POST", base, createBody)
	require.False(t, isReplayed(t, answered))
	require.True(t, isReplayed(t, s.withKey(t, "b", "POST", base, createBody)))

	assert.Empty(t, limited.audits(t), "the result was not known")
	lines := s.audits(t)
	require.Len(t, lines, 2)
	assert.Equal(t, "endpoint.created", lines[0]["action"])
	assert.Equal(t, created["id"], lines[0]["subject"])
	assert.Equal(t, created["createdBy"], lines[0]["actor"], "the key of the first request")
	assert.Equal(t, away.header.Get("X-Request-Id"), lines[0]["requestId"])
	assert.Equal(t, organization, lines[0]["organizationId"])
	assert.Equal(t, answered.header.Get("X-Request-Id"), lines[1]["requestId"])
}

// A call fails after its commit, although the change was observed. Its line is left to the repeated call if the database cannot say that
// this one takes it.
func TestAuditLineOfFailedCallWrittenOnce(t *testing.T) {
	s := newService(t).withKeys(t)
	for _, c := range []struct{ takes, lines int }{{1, 1}, {0, 0}} {
		calls := serve(t, s.store, func(d *Dependencies) {
			d.Registry = endpoints.New(&awayOnce{Store: s.store, committed: true, observed: true}, anywhere{})
			d.Calls = &takingOnce{CallStore: &blindOnce{CallStore: s.store}, fails: c.takes == 0, before: func() {}}
		})
		calls.writer = s.writer
		key := string(rune('a' + c.takes))
		refused(t, calls.withKey(t, key, "POST", base, createBody), 503, "database_unavailable")
		again := serve(t, s.store)
		again.writer = s.writer
		require.True(t, isReplayed(t, again.withKey(t, key, "POST", base, createBody)))
		assert.Len(t, calls.audits(t), c.lines)
		assert.Len(t, again.audits(t), 1-c.lines)
	}
}

// takingOnce fails the first attempt to take a line, or runs a function before it.
type takingOnce struct {
	CallStore
	once   sync.Once
	fails  bool
	before func()
}

func (o *takingOnce) TakeAudit(ctx context.Context, organizationID string, hash [sha256.Size]byte) (taken bool, err error) {
	first := false
	o.once.Do(func() { first = true })
	if first && o.fails {
		return false, webhook.Unavailable(time.Second, nil)
	}
	if first {
		o.before()
	}
	return o.CallStore.TakeAudit(ctx, organizationID, hash)
}

// The pending line of a call is the line that the call writes itself, on every route.
func TestAuditLinePendingIsTheLineOfTheCall(t *testing.T) {
	s := newService(t).withKeys(t)
	id, _ := s.endpoint(t, s.writer)
	bodies := map[string]string{
		"POST " + base: createBody,
		"POST " + base + "/:id/regenerate-secret": "",
		"POST " + keys:     `{"name": "n"}`,
		"POST " + consoles: `{}`,
	}
	for name, keyed := range newKeyedCalls(Dependencies{}, budget{}).routes {
		body, audited := bodies[name]
		require.Equal(t, audited, keyed.action != "", name)
		if !audited {
			continue
		}
		path := name[len("POST "):]
		if body == "" {
			path = base + "/" + id + "/regenerate-secret"
		}
		refusing := serve(t, s.store, func(d *Dependencies) { d.Calls = &takingOnce{CallStore: s.store, fails: true} })
		refusing.writer = s.writer
		first := refusing.withKey(t, name, "POST", path, body)
		granted(t, first)
		require.False(t, isReplayed(t, first))
		require.True(t, isReplayed(t, refusing.withKey(t, name, "POST", path, body)))
		lines := refusing.audits(t)
		require.Len(t, lines, 2, name)
		assert.Equal(t, keyed.action, lines[0]["action"])
		assert.Equal(t, lines[0], lines[1], name)
	}
}

// A repeated call that finds the record before the first call takes its line writes the line in its place.
func TestAuditLineTakenByRepeatedCallWrittenOnce(t *testing.T) {
	s := newService(t).withKeys(t)
	taking := &takingOnce{CallStore: s.store}
	taking.before = func() { assert.True(t, isReplayed(t, s.withKey(t, "a", "POST", base, createBody))) }
	first := serve(t, s.store, func(d *Dependencies) { d.Calls = taking })
	first.writer = s.writer
	made := first.withKey(t, "a", "POST", base, createBody)
	require.False(t, isReplayed(t, made))
	assert.Empty(t, first.audits(t))
	lines := s.audits(t)
	require.Len(t, lines, 1)
	assert.Equal(t, made.header.Get("X-Request-Id"), lines[0]["requestId"])
}
