package web

import (
	"net/http"
	"net/url"
	"strings"
)

// ReturnTo returns the address of the platform's own page, with the path that a new session should open and its organization. It is empty if
// the installation has none.
func (s Site) ReturnTo(path string) string {
	u, err := url.Parse(s.ReturnURL)
	if err != nil || s.ReturnURL == "" {
		return ""
	}
	query := u.Query()
	query.Set("path", path)
	if organization := organizationIn(path); organization != "" {
		query.Set("organization", organization)
	}
	u.RawQuery = query.Encode()
	return u.String()
}

// organizationIn returns the organization that a path of the console is in, or "".
func organizationIn(path string) string {
	_, rest, found := strings.Cut(path, Root+"/o/")
	if !found {
		return ""
	}
	organization, _, _ := strings.Cut(rest, "/")
	unescaped, err := url.PathUnescape(organization)
	if err != nil {
		return ""
	}
	return unescaped
}

// byLinkCookie says that the browser's last session was made by a link. It is no secret: it only decides where an ended session leads.
const byLinkCookie = "redrive-by-link"

// rememberLink remembers for 30 days whether the session was made by a link.
func (q *Request) rememberLink() {
	age := -1
	if q.Session.ByLink {
		age = 30 * 24 * 60 * 60
	}
	http.SetCookie(q.W, q.kit.cookie(q, byLinkCookie, "true", age))
}

func (q *Request) cameByLink() bool {
	_, err := q.R.Cookie(byLinkCookie)
	return err == nil
}
