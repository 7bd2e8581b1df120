// Package egress decides where webhooks may be sent. Customers choose endpoint URLs, and the dispatcher requests them from inside our
// network. Without this package they could reach databases, sidecars and cloud metadata services (server-side request forgery).
//
// The same rule is applied twice:
//
//	an endpoint is saved ──► CheckURL ──► text, scheme, host, and every address DNS gives now
//	                                                     │
//	                                                 CheckAddr          one table, ranges.go
//	                                                     │
//	an attempt is sent ────► Control ──► the one address about to be dialled, after DNS
//
// The check at saving reports mistakes early. The check at dialling is the guarantee: it gets the address that the socket connects to, so
// a name that resolves differently the second time (DNS rebinding) is refused too. Redirects and proxies would bypass it, so the HTTP
// client must follow no redirects and use no proxy.
package egress
