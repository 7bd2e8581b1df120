package web

import "net/http"

// The names of the session's cookie. The prefix makes a browser accept it only with Secure, for this host alone.
const (
	sessionCookie       = "redrive-session"
	securePrefix        = "__Host-"
	secureSessionCookie = securePrefix + sessionCookie
)

// cookie returns a cookie of the console. An age below 0 removes it. Behind TLS it is Secure. In a frame of another site, a browser sends
// only a cookie with SameSite=None that is partitioned by the site around the frame.
func (k *Kit) cookie(q *Request, name, value string, age int) *http.Cookie {
	made := &http.Cookie{ //nolint:gosec // without TLS, a browser would not send a Secure cookie
		Name: name, Value: value, Path: "/", MaxAge: age, HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: secure(q),
	}
	if made.Secure && len(q.Site.FrameAncestors) > 0 && !q.Session.Operator() {
		made.SameSite, made.Partitioned = http.SameSiteNoneMode, true
	}
	return made
}

// secure reports whether the browser reached the service by TLS.
func secure(q *Request) bool { return q.Site.encrypted() || q.R.TLS != nil }

// SetSession gives the browser the token of a session, which is q's session from now on.
func (q *Request) SetSession(session Session, token string) {
	q.Session = session
	name := sessionCookie
	if secure(q) {
		name = secureSessionCookie
	}
	http.SetCookie(q.W, q.kit.cookie(q, name, token, int(session.Lifetime.Seconds())))
	q.rememberLink()
}

// DropSession makes the browser forget the token.
func (q *Request) DropSession() {
	for _, name := range []string{sessionCookie, secureSessionCookie} {
		if _, err := q.R.Cookie(name); err == nil {
			http.SetCookie(q.W, q.kit.cookie(q, name, "", -1))
		}
	}
}

// token returns the token of the request's session, or "". Behind TLS, a cookie without the prefix is not accepted.
func token(q *Request) string {
	name := sessionCookie
	if secure(q) {
		name = secureSessionCookie
	}
	cookie, err := q.R.Cookie(name)
	if err != nil {
		return ""
	}
	return cookie.Value
}
