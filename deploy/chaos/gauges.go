package chaos

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// Gauge holds the resources that a service reports about itself.
type Gauge struct {
	Service    string
	Goroutines int
	Memory     int64 // bytes, resident
}

// gauges queries every service. A service that does not answer is left out.
func (r *run) gauges(ctx context.Context) []Gauge {
	var gauges []Gauge
	for _, s := range r.services() {
		g := Gauge{Service: s.Name()}
		values, err := scrape(ctx, r.client, s.OpsURL()+"/metrics", "go_goroutines", "process_resident_memory_bytes")
		if err != nil {
			r.Problem("%s shows no metrics: %v", s.Name(), err)
		}
		g.Goroutines, g.Memory = int(values["go_goroutines"]), int64(values["process_resident_memory_bytes"])
		gauges = append(gauges, g)
	}
	return gauges
}

func scrape(ctx context.Context, client *http.Client, url string, names ...string) (map[string]float64, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("ask for metrics: %w", err)
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	values := map[string]float64{}
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		for _, name := range names {
			if text, found := strings.CutPrefix(lines.Text(), name+" "); found {
				values[name], err = strconv.ParseFloat(text, 64)
				if err != nil {
					return values, fmt.Errorf("read %s: %w", name, err)
				}
			}
		}
	}
	return values, lines.Err()
}
