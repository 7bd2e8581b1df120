// Package events has the pages of events: the list with its filters, one event with its deliveries and the endpoints that got none, and the
// form that publishes an event.
package events

import (
	"embed"
	"net/http"

	"redrive/api-service/internal/console/web"
	"redrive/pkg/webhook"
)

//go:embed *.html
var files embed.FS

// path is the API's path of events.
const path = "/v1/execution-webhooks/events"

// Routes returns the pages of events.
func Routes() []web.Route {
	const all = "/o/{organization}/events"
	const one = all + "/{id}"
	return []web.Route{
		{Method: http.MethodGet, Path: all, For: web.Readers, Handle: list},
		{Method: http.MethodGet, Path: all + "/publish", For: web.KeyWriters, Handle: showForm},
		{Method: http.MethodPost, Path: all + "/publish", For: web.KeyWriters, Handle: publish},
		{Method: http.MethodGet, Path: one, For: web.Readers, Handle: show},
		{Method: http.MethodGet, Path: one + "/data", For: web.Readers, Handle: download},
		{Method: http.MethodPost, Path: one + "/deliver", For: web.Writers, Handle: deliver},
	}
}

var (
	listPage    = web.Parse(files, "list.html")
	onePage     = web.Parse(files, "event.html")
	publishPage = web.Parse(files, "publish.html")
)

// idOf returns the event's ID in the path.
func idOf(q *web.Request) (string, error) {
	id := q.Param("id")
	if webhook.CheckID(webhook.KindEvent, id) != nil {
		return "", web.ErrNotFound()
	}
	return id, nil
}

// mayPublish reports whether the session publishes events. A session by link does not.
func mayPublish(q *web.Request) bool { return q.CanWrite() && !q.Session.ByLink }
