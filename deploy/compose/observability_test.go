package compose_test

import (
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

func observed(t *testing.T) *types.Project {
	t.Helper()
	values := environment(t)
	values["COMPOSE_PROFILES"] = "observability"
	return project(t, values)
}

func TestMetricsAreLookedAtByThoseWhoAskForIt(t *testing.T) {
	usual, watched := slices.Sorted(maps.Keys(project(t, environment(t)).Services)), slices.Sorted(maps.Keys(observed(t).Services))
	assert.ElementsMatch(t, append(usual, "prometheus", "alertmanager", "grafana"), watched)
}

func TestObservabilityServicesAreHardened(t *testing.T) {
	services := observed(t).Services
	for _, name := range []string{"prometheus", "alertmanager", "grafana"} {
		service := services[name]
		assert.True(t, service.ReadOnly, name)
		assert.Equal(t, []string{"ALL"}, service.CapDrop, name)
		assert.Contains(t, service.SecurityOpt, "no-new-privileges:true", name)
		assert.NotRegexp(t, regexp.MustCompile(`^(root|0)(:|$)`), service.User, name)
		assert.Regexp(t, regexp.MustCompile(`^[a-z/]+:v?[0-9]+\.[0-9]+\.[0-9]+$`), service.Image, name)
		assert.NotNil(t, service.HealthCheck, name)
		assert.NotContains(t, service.Networks, "data", "%s is kept from the databases", name)
		require.Len(t, service.Ports, 1, name)
		assert.Equal(t, "127.0.0.1", service.Ports[0].HostIP, name)
		for _, mount := range service.Volumes {
			if mount.Type == types.VolumeTypeBind {
				assert.True(t, mount.ReadOnly, mount.Source)
				entries, err := os.ReadDir(mount.Source)
				require.NoError(t, err, "an engine would make an empty folder of it")
				assert.NotEmpty(t, entries, mount.Source)
			}
		}
	}
	grafana := resolved(services["grafana"])
	assert.Equal(t, "Viewer", grafana["GF_AUTH_ANONYMOUS_ORG_ROLE"])
	assert.Equal(t, "false", grafana["GF_AUTH_BASIC_ENABLED"], "the password of its administrator is public")
}

// mounted returns the file of this repository that is mounted into a service at the path.
func mounted(t *testing.T, service types.ServiceConfig, path string) string {
	t.Helper()
	for _, mount := range service.Volumes {
		if inside, err := filepath.Rel(mount.Target, path); err == nil && mount.Type == types.VolumeTypeBind && filepath.IsLocal(inside) {
			return filepath.Join(mount.Source, inside)
		}
	}
	require.FailNow(t, "nothing is mounted there", path)
	return ""
}

func parsed[T any](t *testing.T, path string) (content T) {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(text, &content))
	return content
}

// discovery resolves the addresses of a name.
type discovery struct {
	Names []string
	Type  string
	Port  uint32
}

func TestPrometheusFindsTheServicesAndItsRules(t *testing.T) {
	services := observed(t).Services
	prometheus := services["prometheus"]
	settings := parsed[struct {
		Rules   []string `yaml:"rule_files"`
		Scrapes []struct {
			Found []discovery `yaml:"dns_sd_configs"`
		} `yaml:"scrape_configs"`
		Alerting struct {
			Alertmanagers []struct {
				Found []discovery `yaml:"dns_sd_configs"`
			}
		}
	}](t, mounted(t, prometheus, "/etc/prometheus/prometheus.yml"))
	var found, want []discovery
	for _, scrape := range settings.Scrapes {
		found = append(found, scrape.Found...)
	}
	for _, name := range []string{"api-service", "dispatcher-service"} {
		port := listening(t, resolved(services[name])["OPS_ADDR"])
		want = append(want, discovery{Names: []string{name}, Type: "A", Port: port})
		assert.Contains(t, services[name].Networks, "edge")
	}
	assert.Equal(t, want, found, "every replica is found")
	require.Len(t, settings.Alerting.Alertmanagers, 1)
	assert.Equal(t, []discovery{{Names: []string{"alertmanager"}, Type: "A", Port: services["alertmanager"].Ports[0].Target}}, settings.Alerting.Alertmanagers[0].Found)
	assert.Contains(t, prometheus.Networks, "edge")
	require.NotEmpty(t, settings.Rules)
	for _, rules := range settings.Rules {
		assert.FileExists(t, mounted(t, prometheus, rules))
	}
}

func TestAlertmanagerRoutesAlertsToReceivers(t *testing.T) {
	services := observed(t).Services
	settings := parsed[struct {
		Route struct {
			Receiver string
			Routes   []struct{ Receiver string }
		}
		Receivers []struct{ Name string }
		Inhibit   []struct {
			Source []string `yaml:"source_matchers"`
			Target []string `yaml:"target_matchers"`
		} `yaml:"inhibit_rules"`
	}](t, mounted(t, services["alertmanager"], "/etc/alertmanager/alertmanager.yml"))
	require.Len(t, settings.Receivers, 1)
	assert.Equal(t, settings.Receivers[0].Name, settings.Route.Receiver)
	for _, route := range settings.Route.Routes {
		assert.Equal(t, settings.Receivers[0].Name, route.Receiver)
	}
	rules, err := os.ReadFile(mounted(t, services["prometheus"], "/etc/prometheus/alerts.yml"))
	require.NoError(t, err)
	require.NotEmpty(t, settings.Inhibit)
	for _, rule := range settings.Inhibit {
		for _, matcher := range slices.Concat(rule.Source, rule.Target) {
			for _, name := range regexp.MustCompile(`Redrive\w+`).FindAllString(matcher, -1) {
				assert.Contains(t, string(rules), "- alert: "+name+"\n")
			}
		}
	}
}

func TestGrafanaFindsPrometheusAndItsDashboards(t *testing.T) {
	services := observed(t).Services
	grafana := services["grafana"]
	sources := parsed[struct {
		Datasources []struct{ URL string }
	}](t, mounted(t, grafana, "/etc/grafana/provisioning/datasources/prometheus.yml"))
	require.Len(t, sources.Datasources, 1)
	source, err := url.Parse(sources.Datasources[0].URL)
	require.NoError(t, err)
	assert.Equal(t, "prometheus", source.Hostname())
	assert.EqualValues(t, services["prometheus"].Ports[0].Target, listening(t, source.Host))

	providers := parsed[struct {
		Providers []struct{ Options struct{ Path string } }
	}](t, mounted(t, grafana, "/etc/grafana/provisioning/dashboards/redrive.yml"))
	require.Len(t, providers.Providers, 1)
	assert.FileExists(t, mounted(t, grafana, providers.Providers[0].Options.Path+"/redrive.json"))
}
