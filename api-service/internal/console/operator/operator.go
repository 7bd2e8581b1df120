// Package operator has the operator's page: whether a problem is in Redrive or in receivers, and where.
package operator

import (
	"context"
	"embed"
	"maps"
	"net/http"
	"slices"
	"strings"

	"redrive/api-service/internal/console/web"
	"redrive/api-service/internal/console/web/chart"
	"redrive/api-service/internal/operations"
)

//go:embed *.html
var files embed.FS

var page = web.Parse(files, "operator.html")

// Operations reads what concerns all organizations. Callers share what it reads.
type Operations interface {
	Overview(ctx context.Context) (operations.Overview, error)
}

// pages show the installation.
type pages struct{ operations Operations }

// Routes returns the operator's page.
func Routes(o Operations) []web.Route {
	return []web.Route{{Method: http.MethodGet, Path: "/operator", For: web.Operators, Handle: pages{o}.show}}
}

type view struct {
	operations.Overview
	Chart chart.Chart
	// Results are the results of the last hour, the most frequent first.
	Results []result
}

// Healthy reports whether every check is ok.
func (v view) Healthy() bool {
	return !slices.ContainsFunc(v.Checks, func(c operations.Check) bool { return c.State != operations.StateOK })
}

// OrganizationName returns the name of an organization, or its ID if it has none.
func (v view) OrganizationName(id string) string {
	if name := v.Names[id]; name != "" {
		return name
	}
	return id
}

// result is how many attempts had a result in the last hour.
type result struct {
	Name  string
	Count int64
	// Code is the error code that the result stands for, or "".
	Code string
}

func (p pages) show(q *web.Request) error {
	overview, err := p.operations.Overview(q.Context())
	if err != nil {
		return err
	}
	return q.Show(page, "Operator", view{overview, chart.OfMinutes(overview.Minutes.Counts), resultsOf(overview)})
}

// success is the result of an attempt that was answered 2xx.
const success = "success"

func resultsOf(o operations.Overview) []result {
	sums := map[string]int64{}
	for _, minute := range o.Minutes.Counts {
		for name, count := range minute.Results {
			sums[name] += count
		}
	}
	results := make([]result, 0, len(sums))
	for _, name := range slices.Sorted(maps.Keys(sums)) {
		results = append(results, result{name, sums[name], codeOf(name)})
	}
	slices.SortStableFunc(results, func(a, b result) int { return int(min(1, max(-1, b.Count-a.Count))) })
	return results
}

// codeOf returns the error code of a result. The classes of answers are all http_status.
func codeOf(name string) string {
	switch {
	case name == success:
		return ""
	case strings.HasSuffix(name, "xx"):
		return "http_status"
	}
	return name
}
