package web

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestThemeIsReadable(t *testing.T) {
	for accent, want := range map[string]string{
		"#2457c5": ":root { --accent: #2457c5; --on-accent: #ffffff; }\n@media not (prefers-color-scheme: dark) { :root { --link: #2457c5; } }\n",
		"#ffd54a": ":root { --accent: #ffd54a; --on-accent: #1a2029; }\n@media (prefers-color-scheme: dark) { :root { --link: #ffd54a; } }\n",
		"":        "",
		"red; }":  "",
	} {
		assert.Equal(t, want, theme(Site{Accent: accent}), accent)
	}
}
