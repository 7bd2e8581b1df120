package console_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"redrive/api-service/internal/console"
	"redrive/api-service/internal/console/web"
)

// TestRoutesAreThese compares all pages and targets of forms, with the access that each requires, with a table. A route that is missing in the
// table fails the test, so that the access of each new page is decided here.
func TestRoutesAreThese(t *testing.T) {
	const one = "/o/{organization}"
	want := map[string]web.Access{
		"GET ": web.Anybody, "GET /{$}": web.Anybody, "GET /assets/{name}": web.Files, "GET " + one: web.Readers,
		"GET /login": web.Anybody, "POST /login": web.Anybody, "POST /logout": web.Anybody, "GET /ended": web.Anybody,
		"GET /link": web.Anybody, "POST /link": web.Anybody,
		"GET /search": web.Signed, "GET /operator": web.Operators, "POST " + one + "/act": web.OperatorsOf,
		"GET " + one + "/overview": web.Readers,

		"GET " + one + "/deliveries": web.Readers, "POST " + one + "/deliveries": web.Writers, "GET " + one + "/deliveries/{id}": web.Readers,
		"POST " + one + "/deliveries/{id}/{action}": web.Writers, "GET " + one + "/deliveries/{id}/raw": web.Readers,
		"GET " + one + "/deliveries/{id}/request-body": web.Readers, "GET " + one + "/deliveries/{id}/response-body": web.Readers,

		"GET " + one + "/events": web.Readers, "GET " + one + "/events/{id}": web.Readers, "GET " + one + "/events/{id}/data": web.Readers,
		"POST " + one + "/events/{id}/deliver": web.Writers, "GET " + one + "/events/publish": web.KeyWriters, "POST " + one + "/events/publish": web.KeyWriters,

		"GET " + one + "/endpoints": web.Readers, "GET " + one + "/endpoints/{id}": web.Readers, "GET " + one + "/endpoints/{id}/changes": web.Readers,

		"GET " + one + "/bulk-jobs": web.Readers, "POST " + one + "/bulk-jobs": web.Writers, "GET " + one + "/bulk-jobs/new": web.Writers,
		"GET " + one + "/bulk-jobs/{id}": web.Readers,

		"GET " + one + "/keys": web.KeyReaders,
	}
	for _, form := range []string{"endpoints/new", "endpoints/{id}/edit", "endpoints/{id}/rotate-secret", "endpoints/{id}/delete", "endpoints/{id}/test", "bulk-jobs/{id}/cancel"} {
		want["GET "+one+"/"+form], want["POST "+one+"/"+form] = web.Writers, web.Writers
	}
	for _, action := range []string{"pause", "resume", "disable", "enable"} {
		want["POST "+one+"/endpoints/{id}/"+action] = web.Writers
	}
	for _, form := range []string{"keys/new", "keys/{id}/revoke"} {
		want["GET "+one+"/"+form], want["POST "+one+"/"+form] = web.KeyWriters, web.KeyWriters
	}
	got := map[string]web.Access{}
	for _, route := range console.Routes(console.Options{}) {
		got[route.Method+" "+route.Path] = route.For
	}
	assert.Equal(t, want, got)
}
