package events

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"redrive/api-service/internal/console/pages"
	"redrive/api-service/internal/console/web"
)

// form is an event to publish as the form has it: texts that the API has not checked.
type form struct{ EventType, Data, WorkflowID, RunID, ExecutionID string }

// formOf returns the form that was sent.
func formOf(q *web.Request) form {
	return form{q.Form("eventType"), q.Form("data"), q.Form("workflowId"), q.Form("runId"), q.Form("executionId")}
}

// published is the body of the call that publishes an event. The data keeps its digits.
type published struct {
	EventType   string          `json:"eventType"`
	Data        json.RawMessage `json:"data,omitempty"`
	WorkflowID  string          `json:"workflowId,omitempty"`
	RunID       string          `json:"runId,omitempty"`
	ExecutionID string          `json:"executionId,omitempty"`
}

// body returns the body of the call, or why the form has none: its data is no JSON.
func (f form) body() (published, *web.APIError) {
	var data json.RawMessage
	if f.Data != "" {
		if err := json.Unmarshal([]byte(f.Data), &data); err != nil {
			return published{}, pages.Refusal("The data must be JSON. " + f.malformed(err))
		}
	}
	return published{f.EventType, data, f.WorkflowID, f.RunID, f.ExecutionID}, nil
}

// malformed says where the data is not well-formed.
func (f form) malformed(err error) string {
	var syntax *json.SyntaxError
	if !errors.As(err, &syntax) {
		return err.Error()
	}
	before := []byte(f.Data)[:min(max(syntax.Offset, 0), int64(len(f.Data)))]
	return fmt.Sprintf("Line %d: %s.", 1+bytes.Count(before, []byte("\n")), syntax.Error())
}

// curl returns the command that publishes the form's event. It is empty if the form has no body.
func (f form) curl(q *web.Request) string {
	body, refused := f.body()
	if refused != nil {
		return ""
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if encoder.Encode(body) != nil {
		return ""
	}
	return q.Curl(http.MethodPost, path, string(bytes.TrimSpace(text.Bytes())))
}
