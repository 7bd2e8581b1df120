// Package overview has the first page of an organization: how its deliveries do, what fails, and what waits.
package overview

import (
	"embed"
	"net/http"
	"net/url"

	"redrive/api-service/internal/console/resource"
	"redrive/api-service/internal/console/web"
	"redrive/api-service/internal/console/web/chart"
)

//go:embed *.html
var files embed.FS

var page = web.Parse(files, "overview.html")

// base is the API's path of an organization's webhooks.
const base = "/v1/execution-webhooks"

// Routes returns the page.
func Routes() []web.Route {
	return []web.Route{{Method: http.MethodGet, Path: "/o/{organization}/overview", For: web.Readers, Handle: show}}
}

type view struct {
	Statistics resource.Statistics
	Chart      chart.Chart
	Failing    []resource.Endpoint
	Disabled   []resource.Endpoint
	Running    []resource.BulkJob
	Failures   []resource.Delivery
	// First is set while the organization has no endpoint.
	First bool
}

// SuccessRate returns how many of the deliveries that ended were successful, in percent, or "" if none ended.
func (v view) SuccessRate() string {
	return chart.Rate(v.Statistics.Totals.Succeeded, v.Statistics.Totals.Failed)
}

func show(q *web.Request) error {
	var v view
	var endpoints, failing, disabled resource.List[resource.Endpoint]
	var jobs resource.List[resource.BulkJob]
	var failures resource.List[resource.Delivery]
	for _, read := range []struct {
		path  string
		query url.Values
		into  any
	}{
		{base, url.Values{"limit": {"1"}}, &endpoints},
		{base + "/stats", nil, &v.Statistics},
		{base, url.Values{"failing": {"true"}, "limit": {"10"}}, &failing},
		{base, url.Values{"status": {"disabled"}, "limit": {"10"}}, &disabled},
		{base + "/bulk-jobs", url.Values{"limit": {"10"}}, &jobs},
		{base + "/deliveries", url.Values{"status": {"failure"}, "limit": {"5"}, "bodies": {"false"}}, &failures},
	} {
		if err := q.Get(read.path, read.query, read.into); err != nil {
			return err
		}
	}
	v.First = len(endpoints.Items) == 0
	v.Failing, v.Disabled, v.Failures = failing.Items, disabled.Items, failures.Items
	for _, job := range jobs.Items {
		if job.Running() {
			v.Running = append(v.Running, job)
		}
	}
	v.Chart = chart.New(v.Statistics.Series)
	return q.Show(page, "Overview", v)
}
