package webhook_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/webhook"
)

func TestCheckOrganizationID(t *testing.T) {
	for _, id := range []string{"a", "7", "org_a", "acme.example-1", strings.Repeat("a", 128)} {
		assert.NoError(t, webhook.CheckOrganizationID(id), id)
	}
	for _, id := range []string{"", ".a", "_a", "-a", "a b", "a/b", "ä", "a\x00", "a\n", strings.Repeat("a", 129)} {
		assert.Error(t, webhook.CheckOrganizationID(id), "%q", id)
	}
}

func TestOrganizationChangeKeepsAbsentFields(t *testing.T) {
	name, ten := "Acme", 10
	before := webhook.DefaultOrganization("acme")
	before.Metadata = map[string]string{"plan": "gold"}
	after := webhook.OrganizationChange{Name: &name, Limits: webhook.OrganizationLimitsChange{MaxEndpoints: &ten}}.Apply(before)
	want := before
	want.Name, want.Limits.MaxEndpoints = "Acme", 10
	assert.Equal(t, want, after)
	assert.Equal(t, before, webhook.OrganizationChange{}.Apply(before))
}

func TestOrganizationChangeCheckNamesFields(t *testing.T) {
	blank, low, high := " ", -1, 1_000_000_001
	many := map[string]string{}
	for range 21 {
		many[strings.Repeat("k", len(many)+1)] = ""
	}
	found := reasons(t, webhook.OrganizationChange{Name: &blank, Metadata: &many, Limits: webhook.OrganizationLimitsChange{
		MaxEndpoints: &low, MaxAPIKeys: &high, MaxWaitingDeliveries: &low, RequestsPerSecond: &high,
	}}.Check())
	for _, field := range []string{
		"name", "metadata", "limits.maxEndpoints", "limits.maxApiKeys", "limits.maxWaitingDeliveries", "limits.requestsPerSecond",
	} {
		assert.Contains(t, found, field)
	}
	assert.NoError(t, webhook.OrganizationChange{}.Check())
}

func TestCheckMetadata(t *testing.T) {
	assert.NoError(t, webhook.CheckMetadata(nil))
	assert.NoError(t, webhook.CheckMetadata(map[string]string{"plan": "gold", "k": strings.Repeat("v", 2048-9)}))
	for name, pairs := range map[string]map[string]string{
		"2 kB":       {"plan": "gold", "k": strings.Repeat("v", 2048-8)},
		"empty name": {"": "v"},
		"control":    {"k": "a\x00"},
		"not UTF-8":  {"k\xff": "a"},
	} {
		assert.Error(t, webhook.CheckMetadata(pairs), name)
	}
}

func TestOrganizationRestorableUntilErasure(t *testing.T) {
	o := webhook.Organization{DeletedAt: noon, EraseAfter: noon.Add(time.Hour)}
	assert.True(t, o.Restorable(noon.Add(time.Hour-time.Microsecond)))
	assert.False(t, o.Restorable(noon.Add(time.Hour)))
	o.Erasure.StartedAt = noon
	assert.False(t, o.Restorable(noon))
}

func TestIdentityOfDeletedOrganizationInvalid(t *testing.T) {
	assert.True(t, webhook.Identity{}.Valid(noon))
	assert.False(t, webhook.Identity{Organization: webhook.Organization{DeletedAt: noon}}.Valid(noon))
	assert.False(t, webhook.Identity{Key: webhook.APIKey{RevokedAt: noon}}.Valid(noon))
}

func TestPlatformKey(t *testing.T) {
	spec := webhook.APIKeySpec{Name: "platform", Scope: webhook.ScopePlatform}
	require.NoError(t, spec.CheckPlatform(noon))
	require.Error(t, spec.Check(noon), "an organization's key has another scope")
	spec.OrganizationID = "org_a"
	require.Error(t, spec.CheckPlatform(noon))
	require.Error(t, spec.Check(noon))
	spec.OrganizationID = ""

	key, raw := webhook.NewAPIKey(spec, noon)
	assert.Regexp(t, `^rpk_[0-9A-Za-z]{49}$`, raw.Reveal())
	assert.True(t, webhook.CheckRawKey(raw.Reveal()))
	acting := webhook.Identity{Key: key}.ActsFor(webhook.DefaultOrganization("org_b"))
	assert.Equal(t, key.ID, acting.Key.ID)
	assert.Equal(t, "org_b", acting.Key.OrganizationID)
	assert.Equal(t, webhook.ScopeReadWrite, acting.Key.Scope)
}

func TestEventTypeChange(t *testing.T) {
	text, sample, yes := "A run ended.", []byte(`{"a":1}`), true
	before := webhook.EventType{Name: "run.finished", Description: "old", Sample: sample}
	assert.Equal(t, before, webhook.EventTypeChange{}.Apply(before))
	after := webhook.EventTypeChange{Description: &text, Deprecated: &yes}.Apply(before)
	assert.Equal(t, webhook.EventType{Name: "run.finished", Description: text, Sample: sample, Deprecated: true}, after)

	require.NoError(t, webhook.CheckCatalogued("run.finished"))
	assert.Contains(t, reasons(t, webhook.CheckCatalogued("run finished")), "name")
	var reserved *webhook.Error
	require.True(t, errors.As(webhook.CheckCatalogued("redrive.test"), &reserved))
	assert.Equal(t, "reserved_event_type", reserved.Details[0].Reason)
}
