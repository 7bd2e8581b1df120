package config_test

import (
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/config"
)

func environ(changes map[string]string) map[string]string {
	all := map[string]string{
		"DATABASE_URL": "postgres://u:canary@db/x", "REDIS_URL": "redis://:canary@r", "SECRETS_KEY": "canary",
	}
	for name, value := range changes {
		all[name] = value
	}
	return all
}

func TestLoadDefaults(t *testing.T) {
	dispatcher, err := config.LoadDispatcher(environ(nil))
	require.NoError(t, err)
	assert.Equal(t, 200, dispatcher.Concurrency)
	assert.Equal(t, 15*time.Second, dispatcher.DeliveryTimeout)
	assert.Len(t, dispatcher.RetrySchedule, 9)
	assert.Equal(t, 90*24*time.Hour, dispatcher.Retention)
	assert.Equal(t, config.Bytes(64<<20), dispatcher.Memory)
	assert.Equal(t, ":9091", dispatcher.OpsAddr)
	assert.Equal(t, slog.LevelInfo, dispatcher.Level)
	assert.False(t, dispatcher.AllowHTTP)
	assert.Empty(t, dispatcher.Allow)

	api, err := config.LoadAPI(environ(map[string]string{"EGRESS_ALLOW": "127.0.0.0/8,::1/128"}))
	require.NoError(t, err)
	assert.Equal(t, config.Bytes(64<<20), api.Memory)
	assert.Equal(t, ":8080", api.Addr)
	assert.Equal(t, ":9090", api.OpsAddr)
	assert.Equal(t, 3*time.Second, api.DrainDelay)
	assert.Equal(t, 5000, api.RateLimit)
	assert.Equal(t, 20, api.UnauthenticatedRateLimit)
	assert.Empty(t, api.TrustedProxies)
	assert.Empty(t, api.CORSOrigins)
	assert.Equal(t, []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}, api.Allow)
}

func TestLoadReportsAllProblemsByName(t *testing.T) {
	_, err := config.LoadDispatcher(map[string]string{
		"REDIS_URL": "", "LOG_LEVEL": "loud", "EGRESS_ALLOW": "10.0.0.0/99", "EGRESS_NAT64": "64:ff9b::/90", "DELIVERY_TIMEOUT": "soon", "DISPATCHER_CONCURRENCY": "many",
		"LOG_FORMAT": "xml", "DATABASE_MAX_CONNECTIONS": "0",
	})
	require.Error(t, err)
	for _, name := range []string{
		"DATABASE_URL", "REDIS_URL", "SECRETS_KEY", "LOG_LEVEL", "EGRESS_ALLOW", "EGRESS_NAT64", "DELIVERY_TIMEOUT", "DISPATCHER_CONCURRENCY",
		"LOG_FORMAT", "DATABASE_MAX_CONNECTIONS",
	} {
		assert.Equal(t, 1, strings.Count(err.Error(), name), "%s in %v", name, err)
	}
	assert.NotContains(t, err.Error(), "\n")

	_, err = config.LoadDispatcher(environ(map[string]string{
		"LOG_FORMAT": "xml", "DELIVERY_TIMEOUT": "1ms", "DISPATCHER_CONCURRENCY": "0", "RETRY_SCHEDULE": "5s,-1s", "DATABASE_MAX_CONNECTIONS": "0",
		"RETENTION": "90s",
	}))
	for _, name := range []string{"LOG_FORMAT", "DELIVERY_TIMEOUT", "DISPATCHER_CONCURRENCY", "RETRY_SCHEDULE", "DATABASE_MAX_CONNECTIONS", "RETENTION"} {
		assert.ErrorContains(t, err, name)
	}
}

func TestLoadAPILimitsProxiesAndOrigins(t *testing.T) {
	api, err := config.LoadAPI(environ(map[string]string{
		"API_RATE_LIMIT": "0", "API_UNAUTHENTICATED_RATE_LIMIT": "0", "TRUSTED_PROXIES": "10.0.0.0/8,fd00::/8", "CORS_ORIGINS": "https://app.example.com,http://localhost:3000",
	}))
	require.NoError(t, err)
	assert.Equal(t, 5*time.Second, api.Statements.Timeout)
	assert.Zero(t, api.RateLimit)
	assert.Equal(t, []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}, api.TrustedProxies)
	assert.Equal(t, []string{"https://app.example.com", "http://localhost:3000"}, api.CORSOrigins)

	for name, wrong := range map[string][]string{
		"API_RATE_LIMIT":                 {"-1", "many", "1.5", "1000001"},
		"API_UNAUTHENTICATED_RATE_LIMIT": {"-1", "x"},
		"TRUSTED_PROXIES":                {"10.0.0.1", "all", "10.0.0.0/33"},
		"CORS_ORIGINS": {
			"*", "null", "https://*.example.com", "https://example.com/", "https://example.com/a", "https://Example.com", "HTTPS://example.com", "example.com",
			"https://", "https://a:b@example.com", "https://example.com?a", "https://example.com#a", "ftp://example.com", "https://a.example, https://b.example",
		},
	} {
		for _, value := range wrong {
			_, err := config.LoadAPI(environ(map[string]string{name: value}))
			assert.ErrorContains(t, err, name, value)
		}
	}
}

func TestOperatorPasswordWeakRefused(t *testing.T) {
	for _, password := range []string{"", "twelve chars", "äöüäöüäöüäöü", "correct horse battery staple"} {
		_, err := config.LoadAPI(environ(map[string]string{"OPERATOR_PASSWORD": password}))
		assert.NoError(t, err, password)
	}
	for _, password := range []string{
		"hunter2", "x", "eleven char", "äöüäöüäöüäö", " ", "            ", "\n", "correct horse battery\n", " correct horse battery", "correct horse battery\u00a0",
		"correct\thorse battery", "correct\x00horse battery", "correct horse \xff battery",
	} {
		_, err := config.LoadAPI(environ(map[string]string{"OPERATOR_PASSWORD": password, "LOG_FORMAT": "xml"}))
		assert.ErrorContains(t, err, "OPERATOR_PASSWORD must", "%q", password)
		assert.ErrorContains(t, err, "LOG_FORMAT", "all that is wrong is reported at once")
		if len(password) > 1 {
			assert.NotContains(t, err.Error(), password)
		}
	}
}

func TestSettingsPrintSecretsMasked(t *testing.T) {
	api, err := config.LoadAPI(environ(map[string]string{"OPERATOR_PASSWORD": "canary-canary"}))
	require.NoError(t, err)
	assert.NotContains(t, fmt.Sprintf("%v %+v %#v", api, api, api), "canary")
	assert.Equal(t, "canary-canary", api.OperatorPassword.Reveal())
}

func TestLoadLocalOtherThanLoopbackRefused(t *testing.T) {
	local, err := config.LoadLocal(map[string]string{"API_ADDR": "localhost:0", "OPS_ADDR": "[::1]:0"})
	require.NoError(t, err)
	assert.Equal(t, ".local", local.Dir)
	assert.Zero(t, local.Retention, "a laptop keeps everything")
	assert.Equal(t, "127.0.0.1:8099", local.ReceiverAddr)

	_, err = config.LoadLocal(map[string]string{"API_ADDR": ":8080", "OPS_ADDR": "0.0.0.0:1", "RECEIVER_ADDR": "192.0.2.1:80", "LOG_FORMAT": "xml"})
	for _, name := range []string{"API_ADDR", "OPS_ADDR", "RECEIVER_ADDR", "LOG_FORMAT"} {
		assert.ErrorContains(t, err, name)
	}
}

func TestVariablesAllHaveDoc(t *testing.T) {
	names := map[string]bool{}
	for _, v := range slices.Concat(config.Variables(config.API{}), config.Variables(config.Dispatcher{}), config.Variables(config.Local{})) {
		assert.NotEmpty(t, v.Name)
		assert.NotEmpty(t, v.Doc, v.Name)
		names[v.Name] = true
	}
	assert.Contains(t, names, "DATABASE_URL")
	assert.Contains(t, names, "RETRY_SCHEDULE")
}

func TestOldNameSetsVariable(t *testing.T) {
	old := environ(map[string]string{"API_STRANGER_RATE_LIMIT": "7"})
	assert.Equal(t, []config.Rename{{Old: "API_STRANGER_RATE_LIMIT", New: "API_UNAUTHENTICATED_RATE_LIMIT"}}, config.OldNames(old))
	api, err := config.LoadAPI(old)
	require.NoError(t, err)
	assert.Equal(t, 7, api.UnauthenticatedRateLimit)
	assert.NotContains(t, old, "API_UNAUTHENTICATED_RATE_LIMIT", "the caller's map is not changed")

	old["API_UNAUTHENTICATED_RATE_LIMIT"] = "8"
	api, err = config.LoadAPI(old)
	require.NoError(t, err)
	assert.Equal(t, 8, api.UnauthenticatedRateLimit, "the present name has precedence")

	assert.Empty(t, config.OldNames(environ(map[string]string{"API_STRANGER_RATE_LIMIT": ""})))
	_, err = config.LoadAPI(environ(map[string]string{"API_STRANGER_RATE_LIMIT": "-1"}))
	assert.ErrorContains(t, err, "API_UNAUTHENTICATED_RATE_LIMIT")
}

func TestMemoryIsReadWithUnit(t *testing.T) {
	for text, size := range map[string]config.Bytes{"16777216": 16 << 20, "32MiB": 32 << 20, "100 MB": 100_000_000, "2GiB": 2 << 30} {
		api, err := config.LoadAPI(environ(map[string]string{"API_MEMORY": text}))
		require.NoError(t, err, text)
		assert.Equal(t, size, api.Memory)
		dispatcher, err := config.LoadDispatcher(environ(map[string]string{"DISPATCHER_MEMORY": text}))
		require.NoError(t, err, text)
		assert.Equal(t, size, dispatcher.Memory)
	}
	for _, text := range []string{"0", "-1", "15MiB", "much", "64 parsecs", "2TiB", "99999999999999999999"} {
		_, err := config.LoadAPI(environ(map[string]string{"API_MEMORY": text}))
		require.ErrorContains(t, err, "API_MEMORY", text)
		_, err = config.LoadDispatcher(environ(map[string]string{"DISPATCHER_MEMORY": text}))
		require.ErrorContains(t, err, "DISPATCHER_MEMORY", text)
	}
}
