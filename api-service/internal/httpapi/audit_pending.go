package httpapi

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/labstack/echo/v4"

	"redrive/pkg/webhook"
)

// A call with an idempotency key can be committed and answered 503 all the same, for example if the connection to the database breaks
// during the commit, or its process can be killed before it answers. The line of the audit log is then not written until the repeated call
// finds the record. Therefore the line is recorded as pending together with the call. One conditional update takes it out of the record, and
// the process whose update succeeds writes it. This is the process that made the call, or one that answers a repeated call. If a process
// is killed between these two steps, the line is lost.

const (
	actionKeyCreated     = "api_key.created"
	actionSessionCreated = "console_session.created"
)

// pendingLine is a line of the audit log that is recorded with a call and not yet written. Its subject is that of the record.
type pendingLine struct {
	Action string `json:"action"`
	origin
}

// encodeLine returns the pending line of the request's call, or nil if the action is empty.
func encodeLine(c echo.Context, action string) []byte {
	if action == "" {
		return nil
	}
	line, _ := json.Marshal(pendingLine{action, originOf(c)}) // texts and an address always have JSON
	return line
}

// settleLine takes the pending line of a call that has noted its change, so that a repeated call does not write it. If a repeated call has
// taken the line, this call writes none. If the database is unavailable, this call writes its line if it has succeeded: its caller has no
// reason to repeat it.
func (k keyedCalls) settleLine(c echo.Context, call *webhook.Call, failed error) {
	if call.Audit == nil || len(changesOf(c)) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(untimed(c)), defaultDatabaseTimeout)
	defer cancel()
	taken, err := k.store.TakeAudit(ctx, call.OrganizationID, call.Hash)
	if !taken && (err == nil || failed != nil) {
		c.Set(auditInContext, []change(nil))
	}
}

// takeLine notes the pending line of a recorded call, if it has one. It returns an error if the database is unavailable.
func (k keyedCalls) takeLine(c echo.Context, call *webhook.Call, recorded webhook.Recorded) error {
	if len(recorded.Audit) == 0 {
		return nil
	}
	var line pendingLine
	if err := json.Unmarshal(recorded.Audit, &line); err != nil {
		return fmt.Errorf("read the audit line of the call about %s: %w", recorded.SubjectID, err)
	}
	allow(c, callStatements)
	taken, err := k.store.TakeAudit(c.Request().Context(), call.OrganizationID, call.Hash)
	if taken {
		c.Set(auditInContext, append(changesOf(c), change{line.Action, recorded.SubjectID, line.origin}))
	}
	return err
}
