package config_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/config"
)

func TestConsoleDefaults(t *testing.T) {
	api, err := config.LoadAPI(environ(map[string]string{"PUBLIC_URL": ""}))
	require.NoError(t, err)
	assert.Equal(t, config.Console{Mode: "all", Name: "Redrive", Accent: "#2457c5"}, api.Console)
}

func TestConsoleSettings(t *testing.T) {
	api, err := config.LoadAPI(environ(map[string]string{
		"PUBLIC_URL": "https://hooks.example.com/redrive/", "CONSOLE": "operator", "CONSOLE_NAME": strings.Repeat("é", 64), "CONSOLE_ACCENT": "#FFD400",
		"CONSOLE_RETURN_URL": "https://app.example.com/webhooks?a=b", "CONSOLE_FRAME_ANCESTORS": "https://app.example.com,https://[::1]:8443",
	}))
	require.NoError(t, err)
	assert.Equal(t, config.Console{
		PublicURL: "https://hooks.example.com/redrive", Mode: "operator", Name: strings.Repeat("é", 64), Accent: "#FFD400",
		ReturnURL: "https://app.example.com/webhooks?a=b", FrameAncestors: []string{"https://app.example.com", "https://[::1]:8443"},
	}, api.Console)
	for given, want := range map[string]string{
		"http://127.0.0.1:8080": "http://127.0.0.1:8080", "https://a.example///": "https://a.example", "HTTPS://Hooks.Example:8443/A%2Fb": "https://hooks.example:8443/A%2Fb",
	} {
		api, err := config.LoadAPI(environ(map[string]string{"PUBLIC_URL": given}))
		require.NoError(t, err)
		assert.EqualValues(t, want, api.Console.PublicURL)
	}
}

func TestConsoleWrongSettingsRefused(t *testing.T) {
	for name, wrong := range map[string][]string{
		"PUBLIC_URL": {
			"hooks.example.com", "/redrive", "ftp://a.example", "https://", "https://u:p@a.example", "https://a.example?b", "https://a.example/?", "https://a.example#b",
			"https://a.example/#", "https://a.example/b/../c", "https://a.example/b//c", "/", "https://a b", "javascript:alert(1)",
		},
		"CONSOLE":            {"on", "ALL", "none", "all,operator"},
		"CONSOLE_NAME":       {" ", strings.Repeat("x", 65), "a\nb", "a\x00", "\xff"},
		"CONSOLE_ACCENT":     {"blue", "#fff", "2457c5", "#2457c5ff", "#757575ff", "#7a7a7a"},
		"CONSOLE_RETURN_URL": {"app.example.com", "/webhooks", "javascript:alert(1)", "https://u@app.example.com", "https://app.example.com/#a"},
		"CONSOLE_FRAME_ANCESTORS": {
			"*", "https://*.example.com", "https://a.example/", "app.example.com", "https://a.example;script-src", "https://a.example script-src", "'self'", "data:",
		},
	} {
		for _, value := range wrong {
			values := map[string]string{"PUBLIC_URL": "https://a.example"}
			values[name] = value
			_, err := config.LoadAPI(environ(values))
			assert.ErrorContains(t, err, name, "%q", value)
		}
	}
}

func TestConsoleFrameAncestorsNeedHTTPS(t *testing.T) {
	for _, public := range []string{"", "http://hooks.example.com"} {
		_, err := config.LoadAPI(environ(map[string]string{"PUBLIC_URL": public, "CONSOLE_FRAME_ANCESTORS": "https://app.example.com"}))
		assert.ErrorContains(t, err, "CONSOLE_FRAME_ANCESTORS needs a PUBLIC_URL with https")
	}
}
