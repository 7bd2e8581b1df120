package web

import (
	"maps"
	"slices"
	"strings"
)

// Curl returns the command that makes a call of the API, with the key in the variable KEY. An operator has to name the organization.
func (q *Request) Curl(method, path, body string) string {
	command := "curl -X " + method + " " + Quote(q.origin()+path) + ` -H "Authorization: Bearer $KEY"`
	if q.Session.Operator() {
		command += " -H " + Quote("X-Org-ID: "+q.Organization.ID)
	}
	if body != "" {
		command += " -H 'Content-Type: application/json' -d " + Quote(body)
	}
	return command
}

// origin returns the address of the API as the browser reaches it, without a slash at its end.
func (q *Request) origin() string {
	switch {
	case q.Site.PublicURL != "":
		return q.Site.PublicURL
	case q.R.TLS != nil:
		return "https://" + q.R.Host
	}
	return "http://" + q.R.Host
}

// Quote quotes a text as one word of a shell.
func Quote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// SortedKeys returns the names of a map in their order.
func SortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
