package webhook_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/webhook"
)

func TestNewAPIKeyRawKeyHasDocumentedForm(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		key, secret := webhook.NewAPIKey(webhook.APIKeySpec{OrganizationID: "org_a", Name: "n", Scope: webhook.ScopeRead}, noon)
		raw := secret.Reveal()
		require.Regexp(t, `^rdk_[0-9A-Za-z]{49}$`, raw)
		require.True(t, webhook.CheckRawKey(raw))
		require.True(t, strings.HasPrefix(raw, key.KeyPrefix))
		require.Less(t, len(key.KeyPrefix), 16)
		require.Equal(t, webhook.HashAPIKey(raw), key.KeyHash)
		require.False(t, seen[raw])
		seen[raw] = true
	}
}

func TestCheckRawKeyMalformedRefused(t *testing.T) {
	_, secret := webhook.NewAPIKey(webhook.APIKeySpec{}, noon)
	raw := secret.Reveal()
	swapped := []byte(raw)
	swapped[10] ^= 1
	for _, text := range []string{"", "rdk_", raw[1:], raw + "0", raw[:52], string(swapped), strings.ToUpper(raw), "rdk_" + strings.Repeat("\x00", 49)} {
		assert.False(t, webhook.CheckRawKey(text), "%q", text)
	}
}

func TestAPIKeyValidUntilExpiredOrRevoked(t *testing.T) {
	assert.True(t, webhook.APIKey{}.Valid(noon))
	assert.True(t, webhook.APIKey{ExpiresAt: noon.Add(time.Second)}.Valid(noon))
	assert.False(t, webhook.APIKey{ExpiresAt: noon}.Valid(noon))
	assert.False(t, webhook.APIKey{RevokedAt: noon}.Valid(noon))
}

func TestAPIKeySpecCheck(t *testing.T) {
	valid := webhook.APIKeySpec{OrganizationID: "org_a", Name: "ci", Scope: webhook.ScopeRead}
	assert.NoError(t, valid.Check(noon))
	for field, change := range map[string]func(*webhook.APIKeySpec){
		"organizationId": func(s *webhook.APIKeySpec) { s.OrganizationID = "org a" },
		"scope":          func(s *webhook.APIKeySpec) { s.Scope = "admin" },
		"name":           func(s *webhook.APIKeySpec) { s.Name = "" },
		"expiresAt":      func(s *webhook.APIKeySpec) { s.ExpiresAt = noon },
	} {
		spec := valid
		change(&spec)
		assert.Contains(t, reasons(t, spec.Check(noon)), field)
	}
}
