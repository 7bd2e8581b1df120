package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/hibiken/asynq"

	"redrive/deploy/chaos/internal/await"
	"redrive/deploy/chaos/internal/load"
	"redrive/deploy/chaos/proxy"
	"redrive/deploy/grafana"
	"redrive/pkg/lifecycle"
	"redrive/pkg/testservers"
	"redrive/pkg/webhook"
)

// Alert is an alert that fired during its fault.
type Alert struct {
	Name  string
	After time.Duration // from the fault to the alert
}

const (
	// alertLimit is the time within which an alert has to fire, and to end after its fault.
	alertLimit = 5 * time.Minute
	// deadEndpoints is the number of endpoints that become unreachable.
	deadEndpoints = 20
	publishEvery  = 500 * time.Millisecond
)

// CheckAlerts lets Prometheus evaluate the alerts over live services. It pauses the queue, and then cuts the connections of the dispatchers
// to receivers. It returns an error if an alert does not fire within 5 minutes of its fault, fires without it, or does not end. With quick,
// alerts fire once their expression has been true for a second. The expressions are unchanged.
func CheckAlerts(ctx context.Context, quick bool) (alerts []Alert, err error) {
	w, err := newWorld(ctx, Options{Dispatchers: 2, Short: true})
	defer func() { err = errors.Join(err, w.close()) }()
	if err != nil {
		return nil, err
	}
	c := &alertCheck{world: w, client: load.NewClient()}
	defer c.client.CloseIdleConnections()
	if err := c.begin(ctx, quick); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	var publishing sync.WaitGroup
	defer publishing.Wait()
	defer cancel()
	publishing.Go(func() { c.publish(ctx) })

	inspector := asynq.NewInspectorFromRedisClient(w.cache)
	for _, fault := range []struct {
		alert      string
		begin, end func() error
	}{
		{
			"RedriveQueuePaused",
			func() error { return inspector.PauseQueue(webhook.QueueDeliveries) },
			func() error { return inspector.UnpauseQueue(webhook.QueueDeliveries) },
		},
		{
			"RedriveNoAnswers",
			func() error { c.wayOut.Partition(); return nil },
			func() error { c.wayOut.Heal(); return nil },
		},
	} {
		after, err := c.during(ctx, fault.alert, fault.begin, fault.end)
		if err != nil {
			return alerts, err
		}
		alerts = append(alerts, Alert{fault.alert, after})
	}
	return alerts, nil
}

// alertCheck holds services whose connections to receivers can be cut, and a Prometheus that scrapes them.
type alertCheck struct {
	*world
	client     *http.Client
	wayOut     *proxy.Proxy
	prometheus *testservers.Prometheus
	key        string
}

func (c *alertCheck) begin(ctx context.Context, quick bool) (err error) {
	if c.wayOut, err = proxy.New(c.receiver.Addr()); err != nil {
		return err
	}
	c.parts.Push("the way out", func(context.Context) error { return c.wayOut.Close() })
	if c.key, err = c.command(ctx, "keys", "create", "--organization", "org-alerts", "--name", "chaos", "--scope", "read-write"); err != nil {
		return err
	}
	for i := range deadEndpoints {
		body := fmt.Sprintf(`{"name":"chaos","url":"http://%s/alerts/%d","maxRetries":%d}`, c.wayOut.Addr(), i, maxRetries)
		if status, err := load.Call(ctx, c.client, c.api.URL()+load.Path, c.key, body, &struct{}{}); err != nil || status != http.StatusOK {
			return fmt.Errorf("register an endpoint: answered %d: %w", status, err)
		}
	}
	config, err := c.configurePrometheus(quick)
	if err != nil {
		return err
	}
	if c.prometheus, err = testservers.StartPrometheus(config); err != nil {
		return err
	}
	c.parts.Push("Prometheus", func(context.Context) error { return c.prometheus.Close() })
	return nil
}

// waits matches the time for which an alert must be true.
var waits = regexp.MustCompile(`(?m)^( +for:) .*$`)

// configurePrometheus writes the rules and returns a configuration that uses them. JSON is YAML too.
func (c *alertCheck) configurePrometheus(quick bool) (string, error) {
	dir, err := os.MkdirTemp("", "redrive-rules-")
	if err != nil {
		return "", fmt.Errorf("keep the rules: %w", err)
	}
	c.parts.Push("the rules", func(context.Context) error { return os.RemoveAll(dir) })
	alerts := grafana.Alerts
	if quick {
		alerts = waits.ReplaceAllString(alerts, "$1 1s")
	}
	files := map[string]string{filepath.Join(dir, "alerts.yml"): alerts, filepath.Join(dir, "recording.yml"): grafana.Recording}
	var names []string
	for name, text := range files {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			return "", fmt.Errorf("keep the rules: %w", err)
		}
		names = append(names, name)
	}
	scrape := func(job string, targets ...string) map[string]any {
		return map[string]any{"job_name": job, "static_configs": []map[string]any{{"targets": targets}}}
	}
	var dispatchers []string
	for _, d := range c.dispatchers {
		dispatchers = append(dispatchers, hostOf(d.OpsURL()))
	}
	config, err := json.Marshal(map[string]any{
		"global":         map[string]any{"scrape_interval": "1s", "evaluation_interval": "1s"},
		"rule_files":     names,
		"scrape_configs": []map[string]any{scrape("redrive-api", hostOf(c.api.OpsURL())), scrape("redrive-dispatcher", dispatchers...)},
	})
	return string(config), err
}

func hostOf(url string) string { return strings.TrimPrefix(url, "http://") }

// publish publishes an event to every endpoint repeatedly. An event that is not accepted is not missed.
func (c *alertCheck) publish(ctx context.Context) {
	for lifecycle.Sleep(ctx, publishEvery) == nil {
		_, _ = load.Call(ctx, c.client, c.api.URL()+load.Path+"/events", c.key, `{"eventType":"run.finished","data":{}}`, &struct{}{})
	}
}

// during returns the time from the beginning of a fault to its alert.
func (c *alertCheck) during(ctx context.Context, name string, begin, end func() error) (time.Duration, error) {
	delivered := c.receiver.Count()
	if err := await.Until(ctx, alertLimit, func() (bool, error) {
		firing, err := c.firing(ctx)
		return err == nil && len(firing) == 0 && c.receiver.Count() >= delivered+deadEndpoints, err
	}); err != nil {
		return 0, fmt.Errorf("%s: something fires without a fault: %w", name, err)
	}
	began := time.Now()
	if err := begin(); err != nil {
		return 0, err
	}
	defer func() { _ = end() }()
	if err := await.Until(ctx, alertLimit, func() (bool, error) {
		firing, err := c.firing(ctx)
		return firing[name], err
	}); err != nil {
		return 0, fmt.Errorf("%s does not fire: %w", name, err)
	}
	after := time.Since(began)
	if err := end(); err != nil {
		return after, err
	}
	if err := await.Until(ctx, alertLimit, func() (bool, error) {
		firing, err := c.firing(ctx)
		return err == nil && !firing[name], err
	}); err != nil {
		return after, fmt.Errorf("%s fires after its fault: %w", name, err)
	}
	return after, nil
}

// firing returns the names of the alerts that fire in Prometheus.
func (c *alertCheck) firing(ctx context.Context) (map[string]bool, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.prometheus.URL()+"/api/v1/alerts", http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("ask for alerts: %w", err)
	}
	response, err := c.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	var answer struct {
		Data struct {
			Alerts []struct {
				State  string
				Labels struct{ Alertname string }
			}
		}
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return nil, fmt.Errorf("read the alerts: %w", err)
	}
	firing := map[string]bool{}
	for _, alert := range answer.Data.Alerts {
		if alert.State == "firing" {
			firing[alert.Labels.Alertname] = true
		}
	}
	return firing, nil
}
