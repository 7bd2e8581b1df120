package login

import (
	"net/http"

	"redrive/api-service/internal/console/web"
	"redrive/pkg/webhook"
)

// link shows the page behind a link. It changes nothing, so that a scanner of mail, a preview or a prefetch does not use the link up. The
// page's form sends the token.
func (p pages) link(q *web.Request) error {
	if q.Site.OperatorOnly {
		return web.ErrNotFound()
	}
	return q.Show(linkPage, "Open the console", q.Query("token"))
}

// open begins the session of a link, once.
func (p pages) open(q *web.Request) error {
	if q.Site.OperatorOnly {
		return web.ErrNotFound()
	}
	link := q.Form("token")
	if q.Session.Known() && q.Session.LinkHash == webhook.HashConsoleToken(webhook.Secret(link)) {
		return lead(q) // the browser sends the form a second time
	}
	session, token, err := p.sessions.Open(q.Context(), link)
	if err != nil {
		return p.refuseLink(q, err)
	}
	p.gate.Audit(q.R, session.Actor(), "console.link_opened", session.ID, session.OrganizationID)
	q.SetSession(web.Session{ConsoleSession: session, Organization: webhook.Organization{ID: session.OrganizationID}}, token)
	return lead(q)
}

// lead leads to the page of the session's link.
func lead(q *web.Request) error {
	if q.Session.Path != "" {
		return q.Redirect(q.Site.Prefix() + q.Session.Path)
	}
	return q.Redirect(q.Home())
}

func (p pages) refuseLink(q *web.Request, err error) error {
	if code := webhook.CodeOf(err); code == webhook.CodeUnavailable || code == webhook.CodeInternal {
		return err
	}
	if limited := p.gate.WrongCredentials(q.R); limited != nil {
		return web.Refuse(http.StatusTooManyRequests, "Too many wrong links", "Wait half a minute and try again.")
	}
	p.gate.Audit(q.R, "", "console.link_refused", "", "")
	return web.Refuse(http.StatusBadRequest, "This link does not open", web.Sentence(err.Error()))
}
