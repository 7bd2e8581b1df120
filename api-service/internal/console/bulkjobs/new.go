package bulkjobs

import (
	"net/http"

	"redrive/api-service/internal/console/pages"
	"redrive/api-service/internal/console/resource"
	"redrive/api-service/internal/console/web"
)

type newView struct {
	wanted
	Tabs      []tab
	Chips     []pages.Chip
	Endpoints pages.Endpoints
	// Wrong is set if the API has refused the job.
	Wrong *web.APIError
}

type tab struct {
	Name, Path string
	Current    bool
}

// Value returns the value of a filter.
func (v newView) Value(parameter string) string { return v.Filter.Get(parameter) }

// Statuses returns the values of the filter status that the action can take, to choose from.
func (v newView) Statuses() []string { return statuses[v.Action.Name] }

// FailureReasons returns the values of the filter failureReason.
func (newView) FailureReasons() []string { return failureReasons }

// ErrorCodes returns the values of the filter errorCode.
func (newView) ErrorCodes() []string { return errorCodes }

// choose shows the form of a new job, or with plan=1 in the address what the job would do.
func choose(q *web.Request) error {
	w := wantedOf(q.R.URL.Query())
	if q.Query("plan") == "" {
		return showForm(q, w, nil)
	}
	return plan(q, w)
}

// showForm shows the form, beside what is wrong with it.
func showForm(q *web.Request, w wanted, wrong *web.APIError) (err error) {
	view := newView{wanted: w, Wrong: wrong}
	if view.Endpoints, err = pages.ReadEndpoints(q); err != nil {
		return err
	}
	for _, offered := range actions {
		view.Tabs = append(view.Tabs, tab{offered.Verb, q.ToWith(w.as(offered.Name), "bulk-jobs", "new"), offered.Name == w.Action.Name})
	}
	view.Chips = pages.Chips(w.Filter, w.Action.parameters(), view.Endpoints, func(name string) string {
		return q.ToWith(pages.Without(w.query(), name), "bulk-jobs", "new")
	})
	status := http.StatusOK
	if wrong != nil {
		status = wrong.Status
	}
	return q.Render(status, newPage, "New bulk job", view)
}

// create makes the job of the form, and leads to it.
func create(q *web.Request) error {
	w := wantedOf(q.R.PostForm)
	var made resource.BulkJob
	repeated, err := q.Send(http.MethodPost, path, w.body(), &made)
	if failure := web.FailureOf(err); failure != nil && failure.Reason() == web.InProgress {
		return err // the form leads to another plan, with another key, and so to a second job
	}
	if err != nil {
		wrong, err := pages.Refused(err)
		if err != nil {
			return err
		}
		return showForm(q, w, wrong)
	}
	if repeated {
		q.SetFlash(web.Same, "This bulk job was made before, by the same form. No other one was made.")
	} else {
		q.SetFlash(web.Done, "The bulk job has begun.")
	}
	return q.Redirect(q.To("bulk-jobs", made.ID))
}
