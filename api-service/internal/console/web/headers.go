package web

import "strings"

// policy allows a page to load from and send to this server only. There are no inline scripts and no inline styles.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; "

// secureHeaders sets the headers of every page. The pages of customers may be embedded where the installation says so. Pages of the
// operator never may.
func (q *Request) secureHeaders() {
	header := q.W.Header()
	ancestors := "'none'"
	if len(q.Site.FrameAncestors) > 0 && q.framed() {
		ancestors = strings.Join(q.Site.FrameAncestors, " ")
		header.Del("X-Frame-Options") // it cannot name origins
	} else {
		header.Set("X-Frame-Options", "DENY")
	}
	header.Set("Content-Security-Policy", policy+"frame-ancestors "+ancestors)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Cache-Control", "no-store")
}

// framed reports whether the page may be embedded. Until the session is known, it may not.
func (q *Request) framed() bool {
	if q.Session.Known() {
		return !q.Session.Operator()
	}
	return q.route.Framed
}
