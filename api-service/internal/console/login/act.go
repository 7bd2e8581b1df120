package login

import (
	"fmt"

	"redrive/api-service/internal/console/web"
)

// act lets the operator change something of the organization, or stops it. It ends the permission for any other organization.
func (p pages) act(q *web.Request) error {
	organization, text := q.Organization.ID, fmt.Sprintf("You act for %s now. Changes are recorded as made by the operator.", q.Organization.ID)
	if q.Form("stop") != "" {
		organization, text = "", "You see "+q.Organization.ID+" read-only again."
	}
	if err := p.sessions.Act(q.Context(), q.Session.ConsoleSession, organization); err != nil {
		return err
	}
	action := "console.acting"
	if organization == "" {
		action = "console.acting_stopped"
	}
	p.gate.Audit(q.R, q.Session.Actor(), action, q.Session.ID, q.Organization.ID)
	q.SetFlash(web.Done, text)
	return q.Redirect(q.To("overview"))
}
