//go:build containers

package docker

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/deploy/containers"
)

// TestContainersAreObserved starts the profile with Prometheus and checks that it finds every replica, its rules and Alertmanager.
func TestContainersAreObserved(t *testing.T) {
	t.Parallel()
	w := start(t, "observed", containers.ProjectOptions{Profiles: []string{"observability"}})
	require.NoError(t, w.Scale(w.ctx, containers.Dispatcher, 3))
	var targets map[string]int
	w.eventually("every replica is scraped", func() bool {
		var answer struct {
			ActiveTargets []struct {
				Health string
				Labels struct{ Job string }
			}
		}
		targets = map[string]int{}
		if w.ask("/api/v1/targets", &answer) {
			for _, target := range answer.ActiveTargets {
				if target.Health == "up" {
					targets[target.Labels.Job]++
				}
			}
		}
		return targets["redrive-api"] == 1 && targets["redrive-dispatcher"] == 3
	})
	var rules struct {
		Groups []struct {
			Rules []struct{ Health, Name, LastError string }
		}
	}
	require.True(t, w.ask("/api/v1/rules", &rules))
	require.NotEmpty(t, rules.Groups)
	for _, group := range rules.Groups {
		for _, rule := range group.Rules {
			assert.NotEqual(t, "err", rule.Health, "%s: %s", rule.Name, rule.LastError)
		}
	}
	var managers struct{ ActiveAlertmanagers []struct{ URL string } }
	w.eventually("Alertmanager is found", func() bool {
		return w.ask("/api/v1/alertmanagers", &managers) && len(managers.ActiveAlertmanagers) == 1
	})
	w.hardened()
	w.published()
	w.finish()
}

// ask queries Prometheus and reports whether it answered.
func (w *world) ask(path string, data any) bool {
	w.t.Helper()
	request, err := http.NewRequestWithContext(w.ctx, http.MethodGet, "http://127.0.0.1:"+w.Value("PROMETHEUS_PORT")+path, http.NoBody)
	require.NoError(w.t, err)
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	defer func() { _ = response.Body.Close() }()
	return json.NewDecoder(response.Body).Decode(&struct{ Data any }{data}) == nil && response.StatusCode == http.StatusOK
}
