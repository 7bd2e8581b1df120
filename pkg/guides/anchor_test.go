package guides_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"redrive/pkg/guides"
)

func TestAnchorEqualsGitHubs(t *testing.T) {
	for heading, anchor := range map[string]string{
		"Quick start":                        "quick-start",
		"Redis is down, lost or emptied":     "redis-is-down-lost-or-emptied",
		"JavaScript (Node)":                  "javascript-node",
		"Shell (bash and OpenSSL)":           "shell-bash-and-openssl",
		"The retry_schedule of `Redrive`":    "the-retry_schedule-of-redrive",
		"A - B":                              "a---b",
		"Zoë's webhooks: “late”":             "zoës-webhooks-late",
		"What `429`, 502 and 503/504 do?":    "what-429-502-and-503504-do",
		"SECRETS_KEY, old and new (1.2.3) …": "secrets_key-old-and-new-123-",
	} {
		assert.Equal(t, anchor, guides.Anchor(heading))
	}
}
