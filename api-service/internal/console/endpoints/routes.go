package endpoints

import (
	"embed"
	"net/http"

	"redrive/api-service/internal/console/resource"
	"redrive/api-service/internal/console/web"
	"redrive/pkg/webhook"
)

//go:embed *.html
var files embed.FS

// The API's paths.
const (
	base       = "/v1/execution-webhooks"
	deliveries = base + "/deliveries"
	catalogue  = "/v1/event-types"
)

// section is the part of a page's path behind the organization.
const section = "endpoints"

// Routes returns the pages of endpoints.
func Routes() []web.Route {
	const all, one = "/o/{organization}/" + section, "/o/{organization}/" + section + "/{id}"
	routes := []web.Route{
		{Method: http.MethodGet, Path: all, For: web.Readers, Handle: list},
		{Method: http.MethodGet, Path: all + "/new", For: web.Writers, Handle: begin},
		{Method: http.MethodPost, Path: all + "/new", For: web.Writers, Handle: create},
		{Method: http.MethodGet, Path: one, For: web.Readers, Handle: show},
		{Method: http.MethodGet, Path: one + "/changes", For: web.Readers, Handle: showChanges},
		{Method: http.MethodGet, Path: one + "/edit", For: web.Writers, Handle: edit},
		{Method: http.MethodPost, Path: one + "/edit", For: web.Writers, Handle: save},
		{Method: http.MethodGet, Path: one + "/test", For: web.Writers, Handle: beginTest},
		{Method: http.MethodPost, Path: one + "/test", For: web.Writers, Handle: test},
		{Method: http.MethodGet, Path: one + "/rotate-secret", For: web.Writers, Handle: beginRotation},
		{Method: http.MethodPost, Path: one + "/rotate-secret", For: web.Writers, Handle: rotate},
		{Method: http.MethodGet, Path: one + "/delete", For: web.Writers, Handle: confirmDelete},
		{Method: http.MethodPost, Path: one + "/delete", For: web.Writers, Handle: remove},
	}
	for _, s := range switches {
		routes = append(routes, web.Route{Method: http.MethodPost, Path: one + "/" + s.action, For: web.Writers, Handle: s.handle})
	}
	return routes
}

var (
	listPage    = web.Parse(files, "list.html")
	onePage     = web.Parse(files, "one.html")
	formPage    = web.Parse(files, "form.html")
	secretPage  = web.Parse(files, "secret.html")
	rotatePage  = web.Parse(files, "rotate.html")
	testPage    = web.Parse(files, "test.html")
	deletePage  = web.Parse(files, "delete.html")
	changesPage = web.Parse(files, "changes.html")
)

// idOf returns the endpoint's ID in the address, or an error unless it has the form of one.
func idOf(q *web.Request) (string, error) {
	id := q.Param("id")
	if webhook.CheckID(webhook.KindEndpoint, id) != nil {
		return "", web.ErrNotFound()
	}
	return id, nil
}

// find reads the endpoint in the address.
func find(q *web.Request) (e resource.Endpoint, err error) {
	id, err := idOf(q)
	if err != nil {
		return e, err
	}
	return e, q.Get(base+"/"+id, nil, &e)
}
