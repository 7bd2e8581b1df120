// Package httpapi is the public HTTP API. It is the only package that imports Echo. A request passes these steps:
//
//	request ID → log and recover → route → authenticate and authorize → decode → use case → envelope
//
// The order of the steps decides which error a wrong request gets first: 401, 429, 403, 404 or 405 of the route, 413 or 415, 400, and then the
// errors of the resource and its state. All routes are in router.go. handleError in errors.go turns every error into an answer.
package httpapi
