package httpapi

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/labstack/echo/v4"

	"redrive/pkg/webhook"
)

// A call with an idempotency key can be committed and answered 503 all the same, for example if the connection to the database breaks
// during the commit, or its process can be killed before it answers. Nobody then knows that there is a change to write to the audit log,
// until the repeated call finds the record. So the line is recorded together with the call. Whoever knows the result first takes it out of
// the record by one conditional update, and writes it: the process that made the call, or the one that answers the repeated call. A
// process that is killed between these two steps loses the line.

const (
	actionKeyCreated     = "api_key.created"
	actionSessionCreated = "console_session.created"
)

// owed is a line of the audit log as it is recorded with a call. Its subject is that of the record.
type owed struct {
	Action string `json:"action"`
	origin
}

// owedLine returns the line that the request's call owes, or nil if the action is empty.
func owedLine(c echo.Context, action string) []byte {
	if action == "" {
		return nil
	}
	line, _ := json.Marshal(owed{action, originOf(c)}) // texts and an address always have JSON
	return line
}

// settleLine takes the line of a call that has noted its change, so that a repeated call does not write it. If a repeated call was faster,
// this one writes none. If the database cannot say so, this one writes its line if it has succeeded: its caller has no reason to repeat it.
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

// takeLine notes the line that a recorded call still owes. It returns an error if the database cannot say whether it does.
func (k keyedCalls) takeLine(c echo.Context, call *webhook.Call, recorded webhook.Recorded) error {
	if len(recorded.Audit) == 0 {
		return nil
	}
	var line owed
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
