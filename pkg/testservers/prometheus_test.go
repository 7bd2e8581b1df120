package testservers

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPrometheusEvaluatesRules(t *testing.T) {
	p, err := StartPrometheus("global: {scrape_interval: 7s}\n")
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, p.Close()) })
	var config struct{ Data struct{ YAML string } }
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	require.NoError(t, askPrometheus(t.Context(), client, p.URL()+"/api/v1/status/config", &config))
	assert.Contains(t, config.Data.YAML, "scrape_interval: 7s")
}

func TestPrometheusInvalidConfigurationShowsLog(t *testing.T) {
	_, err := StartPrometheus("no_such_setting: 1\n")
	require.ErrorContains(t, err, "no_such_setting")
}
