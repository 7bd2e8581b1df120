package bench

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"redrive/deploy/bench/report"
	"redrive/pkg/lifecycle"
)

// connectionsInterval is the time between two readings of the numbers of connections.
const connectionsInterval = 100 * time.Millisecond

// connectionsOf names what a process has open to a server.
func connectionsOf(process, server string) string { return process + " to " + server }

// connections has the most connections that were open at once, by connectionsOf, and the largest number that a process may have to
// PostgreSQL.
type connections struct {
	open map[string]float64
	most float64
}

func (c connections) note(samples *report.Samples) {
	samples.Add(rowCapacityConnections, c.most)
	for name, open := range c.open {
		samples.Add(report.Detail(rowCapacityConnections, name), open)
	}
}

// connectionWatch reads the numbers of connections of both services until it ends.
type connectionWatch struct {
	cancel context.CancelFunc
	done   chan struct{}
	seen   connections
	err    error
}

// watchConnections begins to watch. Call end.
func (v *services) watchConnections(ctx context.Context) *connectionWatch {
	ctx, cancel := context.WithCancel(ctx)
	w := &connectionWatch{cancel: cancel, done: make(chan struct{}), seen: connections{open: map[string]float64{}}}
	urls := map[string]string{processAPI: v.api.OpsURL(), processDispatcher: v.dispatcher.OpsURL()}
	go func() {
		defer close(w.done)
		for w.err == nil {
			w.err = w.seen.look(context.WithoutCancel(ctx), urls)
			if lifecycle.Sleep(ctx, connectionsInterval) != nil {
				return // ended
			}
		}
	}()
	return w
}

// end ends the measurement and returns its result.
func (w *connectionWatch) end() (connections, error) {
	w.cancel()
	<-w.done
	return w.seen, w.err
}

// look reads the metrics of each process once.
func (c *connections) look(ctx context.Context, urls map[string]string) error {
	for process, url := range urls {
		metrics, err := scrape(ctx, url)
		if err != nil {
			return fmt.Errorf("read the connections of the %s: %w", process, err)
		}
		now := map[string]float64{
			connectionsOf(process, processPostgres): metrics["redrive_database_connections"],
			connectionsOf(process, processRedis):    metrics["redrive_redis_connections"],
		}
		for name, open := range maps.All(now) {
			c.open[name] = max(c.open[name], open)
		}
		c.most = max(c.most, metrics["redrive_database_connections_max"])
	}
	return nil
}

// scrape returns the gauges and counters of an ops port, each summed over its labels.
func scrape(ctx context.Context, url string) (map[string]float64, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/metrics", nil)
	if err != nil {
		return nil, fmt.Errorf("create the request: %w", err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("/metrics answered %s", response.Status)
	}
	return gauges(response.Body)
}

func gauges(text io.Reader) (map[string]float64, error) {
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(text)
	if err != nil {
		return nil, fmt.Errorf("read /metrics: %w", err)
	}
	sums := map[string]float64{}
	for name, family := range families {
		for _, metric := range family.GetMetric() {
			sums[name] += metric.GetGauge().GetValue() + metric.GetCounter().GetValue()
		}
	}
	return sums, nil
}
