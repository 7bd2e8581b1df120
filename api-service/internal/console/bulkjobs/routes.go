// Package bulkjobs has the pages of bulk jobs: the list, one job with its progress, and the steps that make one.
//
//	bulk-jobs/new ──plan=1──► what the job would do, as the API counts it ──POST──► bulk-jobs/{id}
package bulkjobs

import (
	"embed"
	"net/http"

	"redrive/api-service/internal/console/web"
	"redrive/pkg/webhook"
)

//go:embed *.html
var files embed.FS

// path is the API's path of bulk jobs.
const path = "/v1/execution-webhooks/bulk-jobs"

// Routes returns the pages of bulk jobs.
func Routes() []web.Route {
	const all = "/o/{organization}/bulk-jobs"
	const one = all + "/{id}"
	return []web.Route{
		{Method: http.MethodGet, Path: all, For: web.Readers, Handle: list},
		{Method: http.MethodPost, Path: all, For: web.Writers, Handle: create},
		{Method: http.MethodGet, Path: all + "/new", For: web.Writers, Handle: choose},
		{Method: http.MethodGet, Path: one, For: web.Readers, Handle: show},
		{Method: http.MethodGet, Path: one + "/cancel", For: web.Writers, Handle: askCancel},
		{Method: http.MethodPost, Path: one + "/cancel", For: web.Writers, Handle: cancel},
	}
}

var (
	listPage   = web.Parse(files, "list.html")
	newPage    = web.Parse(files, "new.html")
	planPage   = web.Parse(files, "plan.html")
	jobPage    = web.Parse(files, "job.html")
	cancelPage = web.Parse(files, "cancel.html")
)

// idOf returns the job's ID in the path.
func idOf(q *web.Request) (string, error) {
	id := q.Param("id")
	if webhook.CheckID(webhook.KindBulkJob, id) != nil {
		return "", web.ErrNotFound()
	}
	return id, nil
}
