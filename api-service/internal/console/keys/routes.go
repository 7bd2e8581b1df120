// Package keys has the pages of an organization's API keys: the list, the form that creates one and shows it once, and the revocation.
package keys

import (
	"embed"
	"net/http"

	"redrive/api-service/internal/console/web"
	"redrive/pkg/webhook"
)

//go:embed *.html
var files embed.FS

// path is the API's path of API keys.
const path = "/v1/api-keys"

// Routes returns the pages of API keys. A session by link sees none of them.
func Routes() []web.Route {
	const all = "/o/{organization}/keys"
	const one = all + "/{id}"
	return []web.Route{
		{Method: http.MethodGet, Path: all, For: web.KeyReaders, Handle: list},
		{Method: http.MethodGet, Path: all + "/new", For: web.KeyWriters, Handle: showForm},
		{Method: http.MethodPost, Path: all + "/new", For: web.KeyWriters, Handle: create},
		{Method: http.MethodGet, Path: one + "/revoke", For: web.KeyWriters, Handle: askRevoke},
		{Method: http.MethodPost, Path: one + "/revoke", For: web.KeyWriters, Handle: revoke},
	}
}

var (
	listPage    = web.Parse(files, "list.html")
	newPage     = web.Parse(files, "new.html")
	createdPage = web.Parse(files, "created.html")
	revokePage  = web.Parse(files, "revoke.html")
)

// idOf returns the key's ID in the path.
func idOf(q *web.Request) (string, error) {
	id := q.Param("id")
	if webhook.CheckID(webhook.KindAPIKey, id) != nil {
		return "", web.ErrNotFound()
	}
	return id, nil
}
