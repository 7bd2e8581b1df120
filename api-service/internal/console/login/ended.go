package login

import (
	"net/http"

	"redrive/api-service/internal/console/web"
	"redrive/pkg/webhook"
)

// signOut ends the session. A customer is led to the page of the platform, if the installation has one.
func (p pages) signOut(q *web.Request) error {
	if q.Session.Known() && !q.Site.Open {
		if err := p.sessions.EndOwn(q.Context(), q.Session.ConsoleSession); err != nil {
			return err
		}
		p.gate.Audit(q.R, q.Session.Actor(), "console.signed_out", q.Session.ID, q.Session.OrganizationID)
	}
	q.DropSession()
	if url := q.Site.ReturnTo(webhook.ConsolePath(q.Session.OrganizationID) + "overview"); url != "" && q.Session.ByLink {
		http.Redirect(q.W, q.R, url, http.StatusSeeOther)
		return nil
	}
	return q.Redirect(q.Site.Path("ended"))
}

func (p pages) ended(q *web.Request) error {
	return q.Show(endedPage, "Signed out", signInView{ReturnURL: q.Site.ReturnTo(web.Root)})
}
