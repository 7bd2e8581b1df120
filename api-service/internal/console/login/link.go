package login

import (
	"net/http"

	"redrive/api-service/internal/console/web"
	"redrive/pkg/webhook"
)

// link shows the page behind a link. It changes nothing, so that a scanner of mail, a preview or a prefetch does not use the link up. The
// page's form sends the token.
func (p pages) link(q *web.Request) error {
	return q.Show(linkPage, "Open the console", q.Query("token"))
}

// open begins the session of a link, once.
func (p pages) open(q *web.Request) error {
	if q.Site.OperatorOnly {
		return web.ErrNotFound()
	}
	session, token, err := p.sessions.Open(q.Context(), q.Form("token"))
	if err != nil {
		return p.refuseLink(q, err)
	}
	q.SetSession(web.Session{ConsoleSession: session, Organization: webhook.Organization{ID: session.OrganizationID}}, token)
	if session.Path != "" {
		return q.Redirect(q.Site.Prefix() + session.Path)
	}
	return q.Redirect(q.Home())
}

func (p pages) refuseLink(q *web.Request, err error) error {
	if code := webhook.CodeOf(err); code == webhook.CodeUnavailable || code == webhook.CodeInternal {
		return err
	}
	if limited := p.gate.WrongCredentials(q.R); limited != nil {
		return web.Refuse(http.StatusTooManyRequests, "Too many wrong links", limited.Error()+". Wait a minute and try again.")
	}
	return web.Refuse(http.StatusBadRequest, "This link does not open", web.Sentence(err.Error()))
}
