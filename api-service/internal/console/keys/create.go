package keys

import (
	"bytes"
	"encoding/json"
	"net/http"
	"time"

	"redrive/api-service/internal/console/pages"
	"redrive/api-service/internal/console/resource"
	"redrive/api-service/internal/console/web"
	"redrive/pkg/webhook"
)

type newView struct {
	Form  form
	Wrong *web.APIError
	Curl  string
}

type createdView struct {
	Key resource.NewAPIKey
	// Repeated says that the form was sent before.
	Repeated bool
}

func showForm(q *web.Request) error {
	return show(q, form{Scope: string(webhook.ScopeRead)}, nil)
}

// show shows the form, beside what is wrong with it.
func show(q *web.Request, f form, wrong *web.APIError) error {
	if _, err := time.Parse(time.RFC3339Nano, f.Shown); err != nil {
		f.Shown = webhook.FormatTime(time.Now())
	}
	view, status := newView{Form: f, Wrong: wrong}, http.StatusOK
	if wrong != nil {
		status = wrong.Status
	}
	if body, invalid := f.body(); invalid == nil {
		view.Curl = body.curl(q)
	}
	return q.Render(status, newPage, "New API key", view)
}

// curl returns the command that creates the key. A key without a name gets a name to replace.
func (w wanted) curl(q *web.Request) string {
	if w.Name == "" {
		w.Name = "name of the key"
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if encoder.Encode(w) != nil {
		return ""
	}
	return q.Curl(http.MethodPost, path, string(bytes.TrimSpace(text.Bytes())))
}

// create creates the key, and shows it. The answer is no redirect, because the raw key is shown only here. A form that is sent again within
// a day shows the same key.
func create(q *web.Request) error {
	f := formOf(q)
	body, wrong := f.body()
	if wrong != nil {
		return show(q, f, wrong)
	}
	var view createdView
	var err error
	if view.Repeated, err = q.Send(http.MethodPost, path, body, &view.Key); err != nil {
		if wrong, err = pages.Refused(err); err != nil {
			return err
		}
		return show(q, f, wrong)
	}
	return q.Show(createdPage, "New API key", view)
}
