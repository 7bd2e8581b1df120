package watch_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metricsql"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"redrive/deploy/stack"
)

const (
	repository = "../.."
	rulesPath  = repository + "/deploy/grafana/prometheus/"
)

type rule struct {
	Record, Alert, Expr string
	Labels, Annotations map[string]string
}

func rulesOf(t *testing.T, file string) (rules []rule) {
	t.Helper()
	text, err := os.ReadFile(rulesPath + file)
	require.NoError(t, err)
	var content struct{ Groups []struct{ Rules []rule } }
	require.NoError(t, yaml.Unmarshal(text, &content))
	for _, group := range content.Groups {
		rules = append(rules, group.Rules...)
	}
	require.NotEmpty(t, rules)
	return rules
}

// record adds the metrics of the recording rules, with the labels that they group by.
func (e exposed) record(t *testing.T, rules []rule) {
	t.Helper()
	for _, r := range rules {
		labels := map[string]string{}
		parsed, err := metricsql.Parse(r.Expr)
		require.NoError(t, err, r.Record)
		if outer, is := parsed.(*metricsql.AggrFuncExpr); is {
			for _, label := range outer.Modifier.Args {
				for _, values := range e {
					for value := range values[label] {
						e.add(r.Record, map[string]string{label: value})
					}
				}
			}
		}
		e.add(r.Record, labels)
	}
}

// TestEveryQueryUsesExposedMetrics starts the services, produces events, and checks every query of the rules and the dashboard against the
// exposed metrics.
func TestEveryQueryUsesExposedMetrics(t *testing.T) {
	t.Parallel()
	s := stack.Processes(t, stack.Options{})
	happen(t, s)
	there := exposed{}
	there.all(t, s.OpsURLs())

	recording := rulesOf(t, "recording.yml")
	for _, r := range recording {
		assert.Empty(t, there.check(r.Expr), r.Record)
	}
	there.record(t, recording)
	for _, r := range rulesOf(t, "alerts.yml") {
		assert.Empty(t, there.check(r.Expr), r.Alert)
	}
	for _, panel := range readDashboard(t).panels() {
		for _, target := range panel.Targets {
			assert.Empty(t, there.check(target.Expr), "%s: %s", panel.Title, target.Expr)
		}
	}

	for query, problem := range map[string]string{
		`sum(redrive_made_up_total)`:                                         "nothing exposes redrive_made_up_total",
		`sum(rate(redrive_attempts_total{organization="a"}[5m]))`:            "redrive_attempts_total has no label organization",
		`sum(rate(redrive_attempts_total{outcome="succeeded"}[5m]))`:         "redrive_attempts_total has no outcome succeeded",
		`sum(redrive_breakers{state=~"open|half-open"})`:                     "redrive_breakers has no state half-open",
		`sum by (endpoint) (rate(redrive_attempts_total[5m]))`:               "nothing in it has the label endpoint",
		`rate(redrive_attempt_duration_seconds[5m])`:                         "nothing exposes redrive_attempt_duration_seconds",
		`sum(redrive_http_request_duration_seconds_count{status="6xx"})`:     "redrive_http_request_duration_seconds_count has no status 6xx",
		`max(redrive_database_away) unless on (job) redrive:requests:rate7m`: "nothing exposes redrive:requests:rate7m",
		`1 + 1`: "it asks for no metric",
	} {
		assert.Contains(t, there.check(query), problem, "the check itself finds what is wrong")
	}
	bounded(t, there)
	runbooksAreServed(t, s.URL())
}

// happen publishes events, some of which fail, and sends requests for missing resources.
func happen(t *testing.T, s *stack.ProcessStack) {
	t.Helper()
	arrived := make(chan string, 100)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/broken" {
			w.WriteHeader(http.StatusBadGateway)
		}
		arrived <- r.URL.Path
	}))
	t.Cleanup(receiver.Close)
	for _, path := range []string{"/fine", "/broken"} {
		post(t, s.URL()+base, s.Key(), fmt.Sprintf(`{"name":"test","url":"%s%s?token=%s","maxRetries":1}`, receiver.URL, path, secrets))
	}
	post(t, s.URL()+base+"/events", s.Key(), `{"eventType":"run.finished","data":{}}`)
	for range 3 {
		<-arrived // the last is the retry
	}
	status, _, err := get(t.Context(), s.URL()+base+"/ep_"+secrets)
	require.NoError(t, err)
	require.Equal(t, http.StatusUnauthorized, status)
	// The last attempt is recorded after its answer.
	require.Eventually(t, func() bool {
		_, body, err := get(t.Context(), s.OpsURLs()[1]+"/metrics")
		return err == nil && strings.Contains(body, `redrive_deliveries_ended_total{reason="attempt",status="failure"} 1`)
	}, soon, 20*time.Millisecond)
}

// bounded checks that no label has a value that customers choose, and that each metric belongs to Redrive or to the runtime.
func bounded(t *testing.T, there exposed) {
	t.Helper()
	made := regexp.MustCompile(`(?i)(ep|dlv|evt|att|req|key)_[0-9a-z]{5,}|https?://|` + secrets + `|` + stack.Organization + `|run\.finished`)
	for _, name := range there.names() {
		if !strings.HasPrefix(name, "redrive:") {
			assert.Regexp(t, "^(redrive|go|process|up|ALERTS)", name)
		}
		for label, values := range there[name] {
			if label == "instance" || label == "le" {
				continue
			}
			assert.Less(t, len(values), 40, "%s %s", name, label)
			for value := range values {
				assert.NotRegexp(t, made, value, "%s %s", name, label)
			}
		}
	}
}
