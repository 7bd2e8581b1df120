// Package egress decides where webhooks may be sent. Endpoint URLs are written by customers and fetched from inside our
// network, so without it anyone could make the dispatcher talk to databases, sidecars and cloud metadata services
// (server-side request forgery).
//
// The same rule is applied twice:
//
//	an endpoint is saved ──► CheckURL ──► text, scheme, host, and every address DNS gives now
//	                                                     │
//	                                                 CheckAddr          one table, ranges.go
//	                                                     │
//	an attempt is sent ────► Control ──► the one address about to be dialled, after DNS
//
// The check at saving is a courtesy: it tells people at once what is wrong. The check at dialling is the guarantee: it
// sees the address that the socket is about to connect to, so a name that answers differently the second time gains
// nothing. Redirects and proxies would go round it, so the HTTP client must follow none and use none.
package egress
