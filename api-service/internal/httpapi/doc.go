// Package httpapi is the public API over HTTP and the only package that knows Echo. A request passes, in this order:
//
//	request ID → log and recover → route → authenticate and authorize → decode → use case → envelope
//
// so that what is wrong is told in the order 401, 403, 404 of the route, 400, 404 of the resource, state. Every route is on
// one page, in router.go; every error becomes an answer in one place, in errors.go.
package httpapi
