// Package web is what all pages of the console share: the request with its session and organization, the client of the API, the layout and
// the functions of the templates.
//
// A page is a client of the HTTP API in the same process. It reads and changes everything with requests to the API's own routes, under the
// identity of the session. Access, validation, masking, idempotency and the audit log are therefore those of the API, in one place.
//
//	browser ── GET /console/o/{organization}/deliveries ──► Router ──► session ──► page
//	                                                                               │ Request.Get("/v1/execution-webhooks/deliveries")
//	                                                                               ▼
//	                                                          the API's router, as the session's identity
package web
