package app_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/api-service/app"
	"redrive/pkg/store/storetest"
	"redrive/pkg/testservers"
)

func TestConsoleModes(t *testing.T) {
	opened := storetest.NewPostgres(t)
	client := openRedis(t, testservers.Redis(t))
	for mode, want := range map[string]struct {
		status int
		text   string
	}{
		"":         {401, "a valid API key is required"},
		"off":      {401, "a valid API key is required"},
		"operator": {200, "Platform key"},
		"all":      {200, "API key"},
	} {
		o := options(opened, client)
		o.Console = app.Console{Mode: mode, Name: "Hooks of Acme"}
		service := started(t, o)
		status, body, err := get(t, service.Addr(), "/console/login", "")
		require.NoError(t, err)
		assert.Equal(t, want.status, status, mode)
		assert.Contains(t, body, want.text, mode)
		assert.Equal(t, status == 200, strings.Contains(body, "Hooks of Acme"), mode)
		assert.NotContains(t, body, `name="password"`, "without a password there is no field for it")
	}
}
