package httpapi

import (
	"context"
	"time"

	"github.com/labstack/echo/v4"

	"redrive/api-service/internal/sessions"
	"redrive/pkg/webhook"
)

// ConsoleSessionStore reads sessions of the console.
type ConsoleSessionStore interface {
	FindConsoleSessionOf(ctx context.Context, organizationID, id string) (webhook.ConsoleSession, error)
	ListConsoleSessions(ctx context.Context, f webhook.ConsoleSessionFilter, page webhook.Page) (webhook.List[webhook.ConsoleSession], error)
}

type consoleSessionHandlers struct {
	store    ConsoleSessionStore
	registry *sessions.Registry
}

type createConsoleSessionRequest struct {
	Scope                   *webhook.Scope `json:"scope"`
	Subject                 string         `json:"subject"`
	LinkExpiresInSeconds    *int           `json:"linkExpiresInSeconds"`
	SessionExpiresInMinutes *int           `json:"sessionExpiresInMinutes"`
	Path                    string         `json:"path"`
}

func (r createConsoleSessionRequest) spec() webhook.ConsoleSessionSpec {
	spec := webhook.ConsoleSessionSpec{
		Scope: webhook.ScopeRead, Subject: r.Subject, Path: r.Path,
		LinkLifetime: durationOf(r.LinkExpiresInSeconds, time.Second, webhook.DefaultLinkLifetime),
		Lifetime:     durationOf(r.SessionExpiresInMinutes, time.Minute, webhook.DefaultSessionLifetime),
	}
	if r.Scope != nil {
		spec.Scope = *r.Scope
	}
	return spec
}

// durationOf returns a number of units, or byDefault if there is no number. A number for which there is no duration gives 0, which is no
// valid lifetime.
func durationOf(number *int, unit, byDefault time.Duration) time.Duration {
	switch {
	case number == nil:
		return byDefault
	case *number < 0 || *number > int(maxUnits):
		return 0
	}
	return time.Duration(*number) * unit
}

// maxUnits is more seconds and minutes than any lifetime has.
const maxUnits = webhook.MaxConsoleSpan / time.Second

func (h consoleSessionHandlers) create(c echo.Context) error {
	request, err := decode[createConsoleSessionRequest](c)
	if err != nil {
		return err
	}
	recordAs(c, func(made webhook.ConsoleSession) (newConsoleSessionView, error) {
		return viewNewConsoleSession(made, h.registry.URL(made)), nil
	})
	session, url, err := h.registry.CreateLink(c.Request().Context(), caller(c), request.spec())
	if err != nil {
		return err
	}
	c.Set(subjectInContext, session.ID)
	audited(c, actionSessionCreated, session.ID)
	return ok(c, viewNewConsoleSession(session, url))
}

func (h consoleSessionHandlers) list(c echo.Context) error {
	page, err := pageOf(c)
	if err != nil {
		return err
	}
	filter := webhook.ConsoleSessionFilter{OrganizationID: caller(c).OrganizationID}
	if err := webhook.ParseParameter(parametersOf(c), "subject", &filter.Subject, webhook.ParseConsoleSubject); err != nil {
		return err
	}
	list, err := h.store.ListConsoleSessions(c.Request().Context(), filter, page)
	if err != nil {
		return err
	}
	return okWalk(c, list, page, func(s webhook.ConsoleSession) (consoleSessionView, error) { return viewConsoleSession(s), nil })
}

func (h consoleSessionHandlers) get(c echo.Context) error {
	id, err := pathID(c, webhook.KindConsoleSession)
	if err != nil {
		return err
	}
	session, err := h.store.FindConsoleSessionOf(c.Request().Context(), caller(c).OrganizationID, id)
	if err != nil {
		return err
	}
	return ok(c, viewConsoleSession(session))
}

// end ignores the body, because the body of a DELETE has no meaning (RFC 9110, section 9.3.5).
func (h consoleSessionHandlers) end(c echo.Context) error {
	id, err := pathID(c, webhook.KindConsoleSession)
	if err != nil {
		return err
	}
	session, err := h.registry.End(c.Request().Context(), caller(c).OrganizationID, id)
	if err != nil {
		return err
	}
	audited(c, "console_session.ended", id)
	return ok(c, viewConsoleSession(session))
}

type consoleSessionView struct {
	ID               string            `json:"id"`
	OrganizationID   string            `json:"organizationId"`
	Scope            string            `json:"scope"`
	Subject          string            `json:"subject,omitempty"`
	Path             string            `json:"path,omitempty"`
	CreatedBy        string            `json:"createdBy"`
	CreatedAt        webhook.Timestamp `json:"createdAt"`
	LinkExpiresAt    webhook.Timestamp `json:"linkExpiresAt,omitzero"` // absent of a login with an API key
	SessionExpiresAt webhook.Timestamp `json:"sessionExpiresAt"`
	OpenedAt         webhook.Timestamp `json:"openedAt,omitzero"`
	EndedAt          webhook.Timestamp `json:"endedAt,omitzero"`
}

func viewConsoleSession(s webhook.ConsoleSession) consoleSessionView {
	return consoleSessionView{
		ID: s.ID, OrganizationID: s.OrganizationID, Scope: string(s.Scope), Subject: s.Subject, Path: s.Path, CreatedBy: s.CreatedBy,
		CreatedAt: webhook.Timestamp(s.CreatedAt), LinkExpiresAt: webhook.Timestamp(s.LinkExpiresAt),
		SessionExpiresAt: webhook.Timestamp(s.ExpiresAt), OpenedAt: webhook.Timestamp(s.OpenedAt), EndedAt: webhook.Timestamp(s.EndedAt),
	}
}

// newConsoleSessionView is the only answer that shows the URL of a link.
type newConsoleSessionView struct {
	ID               string            `json:"id"`
	URL              string            `json:"url"`
	LinkExpiresAt    webhook.Timestamp `json:"linkExpiresAt"`
	SessionExpiresAt webhook.Timestamp `json:"sessionExpiresAt"`
}

func viewNewConsoleSession(s webhook.ConsoleSession, url string) newConsoleSessionView {
	return newConsoleSessionView{
		ID: s.ID, URL: url, LinkExpiresAt: webhook.Timestamp(s.LinkExpiresAt), SessionExpiresAt: webhook.Timestamp(s.ExpiresAt),
	}
}
