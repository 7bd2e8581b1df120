package login

import (
	"net/url"
	"strings"

	"redrive/api-service/internal/console/web"
)

// signOut ends the session. A customer is led to the page of the platform, if the installation has one.
func (p pages) signOut(q *web.Request) error {
	if q.Session.Known() && !q.Site.Open {
		if err := p.sessions.EndOwn(q.Context(), q.Session.ConsoleSession); err != nil {
			return err
		}
	}
	q.DropSession()
	return q.Redirect(q.Site.Path("ended"))
}

func (p pages) ended(q *web.Request) error {
	return q.Show(endedPage, "Signed out", signInView{ReturnURL: returnURL(q, web.Root)})
}

// returnURL returns the address of the platform's own page, with the organization and the path that a new session should open. It is empty if
// the installation has none.
func returnURL(q *web.Request, next string) string {
	u, err := url.Parse(q.Site.ReturnURL)
	if err != nil || q.Site.ReturnURL == "" {
		return ""
	}
	query := u.Query()
	query.Set("path", next)
	if organization := organizationIn(next); organization != "" {
		query.Set("organization", organization)
	}
	u.RawQuery = query.Encode()
	return u.String()
}

// organizationIn returns the organization that a path of the console is in, or "".
func organizationIn(path string) string {
	_, rest, found := strings.Cut(path, web.Root+"/o/")
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
