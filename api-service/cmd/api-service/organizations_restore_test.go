package main

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/queue"
	"redrive/pkg/testservers"
	"redrive/pkg/webhook"
)

// With REDIS_URL, a restore puts the lanes of the organization into backlog, where dispatchers claim its waiting deliveries at once.
// Without a Redis that works, it restores the organization all the same, says when its deliveries are found, and can be repeated.
func TestOrganizationsRestoreOpensLanes(t *testing.T) {
	url, redisURL := testservers.Postgres(t), testservers.Redis(t)
	environ := []string{"DATABASE_URL=" + url}
	require.Equal(t, 0, runWith(t, environ, "migrate").code)
	require.Equal(t, 0, runWith(t, environ, "keys", "create", "--organization", "org_a", "--name", "n").code)
	s := openWith(t, url, newKey(t))
	endpoint := webhook.NewEndpoint("org_a", "", webhook.EndpointSpec{Name: "n", URL: "https://example.com"}, "whsec_a", webhook.Now())
	require.NoError(t, s.CreateEndpoint(t.Context(), endpoint))
	event := webhook.NewEvent("org_a", webhook.EventSpec{Type: "run.finished", Data: []byte(`{}`)}, webhook.Now())
	waiting := webhook.NewDelivery(event, endpoint, webhook.Now())
	require.NoError(t, s.CreateEvent(t.Context(), event, []webhook.Delivery{waiting}))
	client, err := queue.Connect(redisURL)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, client.Close()) })
	opened := func() []webhook.Lane {
		lanes, err := queue.NewLanes(client).List(t.Context())
		require.NoError(t, err)
		return slices.Collect(maps.Keys(lanes))
	}
	restored := func() bool {
		o, err := s.FindOrganization(t.Context(), "org_a")
		require.NoError(t, err)
		return !o.Deleted()
	}

	require.Equal(t, 0, runWith(t, environ, "organizations", "delete", "org_a").code)
	away := runWith(t, append(environ, "REDIS_URL=redis://127.0.0.1:1"), "organizations", "restore", "org_a")
	assert.Equal(t, 0, away.code, away.stderr)
	assert.Regexp(t, `^restored; Redis did not work \(.*\), so dispatchers find .* about 40 s .* again tries Redis again\n$`, away.stdout)
	assert.True(t, restored())
	assert.Empty(t, opened())

	again := runWith(t, append(environ, "REDIS_URL="+redisURL), "organizations", "restore", "org_a")
	assert.Equal(t, result{0, "restored; its waiting deliveries are sent\n", ""}, again)
	assert.Equal(t, []webhook.Lane{waiting.Lane()}, opened())

	wrong := runWith(t, append(environ, "REDIS_URL=http://127.0.0.1:1"), "organizations", "restore", "org_a")
	assert.Equal(t, 2, wrong.code)
	assert.Contains(t, wrong.stderr, "REDIS_URL")
}
