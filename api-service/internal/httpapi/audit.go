package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"

	"github.com/labstack/echo/v4"

	"redrive/pkg/webhook"
)

// auditInContext is the key of the changes that a request has made.
const auditInContext = "audit"

// change is a change that is written to the audit log.
type change struct {
	action, subject string
	origin          origin
}

// origin is who has made a change, and by which request.
type origin struct {
	Actor     string     `json:"actor"`
	RequestID string     `json:"requestId"`
	Client    netip.Addr `json:"client"`
}

func originOf(c echo.Context) origin { return origin{caller(c).ID, requestIDOf(c), client(c)} }

// audited notes a change for the audit log: what was done, such as "api_key.created", and the ID of what it was done to. A handler calls it
// after the change. Changes of endpoints are noted by observeChanges.
func audited(c echo.Context, action, subject string) {
	c.Set(auditInContext, append(changesOf(c), change{action, subject, originOf(c)}))
}

// observeChanges notes the changes of endpoints that the request makes from now on.
func observeChanges(c echo.Context) {
	t, ok := c.Get(timingInContext).(timing)
	if !ok || !writes(c.Request().Method) {
		return
	}
	observing := webhook.ObservingChanges(t.untimed, func(made webhook.EndpointChanged) { audited(c, made.AuditAction(), made.EndpointID) })
	c.Set(timingInContext, timing{observing, t.statement})
	allow(c, 1)
}

func changesOf(c echo.Context) []change {
	changes, _ := c.Get(auditInContext).([]change)
	return changes
}

// audit logs the changes that a request has made. A platform key acts in the place of an organization, so that each of its requests that
// writes is logged, also if the handler has noted nothing.
func audit(log *slog.Logger, c echo.Context, err error) {
	changes, key := changesOf(c), caller(c)
	if len(changes) == 0 && key.Platform() && err == nil && writes(c.Request().Method) {
		subject, _ := c.Get(subjectInContext).(string)
		changes = []change{{c.Request().Method + " " + routeOf(c), subject, originOf(c)}}
	}
	for _, made := range changes {
		logChange(c.Request().Context(), log, made, key.OrganizationID)
	}
}

// logChange writes a change to the audit log. The organization may be empty.
func logChange(ctx context.Context, log *slog.Logger, made change, organizationID string) {
	attrs := []slog.Attr{
		slog.String("actor", made.origin.Actor), slog.String("action", made.action), slog.String("subject", made.subject),
		slog.String("requestId", made.origin.RequestID), slog.String("client", made.origin.Client.String()),
	}
	if organizationID != "" {
		attrs = append(attrs, slog.String("organizationId", organizationID))
	}
	log.LogAttrs(ctx, slog.LevelInfo, "audit", attrs...)
}

func writes(method string) bool {
	return method != http.MethodGet && method != http.MethodHead && method != http.MethodOptions
}
