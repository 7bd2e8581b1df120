package web

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"redrive/pkg/webhook"
)

// Request is a request for a page, with the session and the organization in its address.
type Request struct {
	W       http.ResponseWriter
	R       *http.Request
	Site    *Site
	Session Session
	// Organization is the one in the address. It is zero for pages outside an organization.
	Organization webhook.Organization

	kit   *Kit
	route Route
	flash Flash
	// spent says that the idempotency key of the form was used: its call had its effect, now or before.
	spent bool
}

// Context returns the request's context.
func (q *Request) Context() context.Context { return q.R.Context() }

// Param returns a part of the path by its name in the route.
func (q *Request) Param(name string) string { return q.R.PathValue(name) }

// Query returns the first value of a parameter, without space around it.
func (q *Request) Query(name string) string { return strings.TrimSpace(q.R.URL.Query().Get(name)) }

// Form returns a field of the form, without space around it. It is empty without a form.
func (q *Request) Form(name string) string { return strings.TrimSpace(q.R.PostForm.Get(name)) }

// CanWrite reports whether the session may change something of the organization.
func (q *Request) CanWrite() bool { return q.Session.writesIn(q.Organization.ID) }

// To returns the path of a page of the organization.
func (q *Request) To(parts ...string) string {
	return q.Site.Path(append([]string{"o", q.Organization.ID}, parts...)...)
}

// ToWith is To with a query.
func (q *Request) ToWith(query url.Values, parts ...string) string {
	if len(query) == 0 {
		return q.To(parts...)
	}
	return q.To(parts...) + "?" + query.Encode()
}

// Redirect sends the browser to a path that Site.Path or To returned, after a form.
func (q *Request) Redirect(path string) error {
	http.Redirect(q.W, q.R, path, http.StatusSeeOther)
	return nil
}

// Refreshing reports whether the page's script asks for the page again.
func (q *Request) Refreshing() bool { return q.R.Header.Get("X-Console-Refresh") != "" }
