package bulkjobs

import (
	"net/http"

	"redrive/api-service/internal/console/web"
)

type cancelView struct {
	job
	Organization string
}

// finished is what a page says if a job is to be cancelled that has ended.
const finished = "The bulk job had ended before. Nothing was changed."

// askCancel asks before a job is cancelled. A job that has ended is only shown.
func askCancel(q *web.Request) error {
	found, err := find(q)
	if err != nil {
		return err
	}
	if !found.Running() {
		q.SetFlash(web.Same, finished)
		return q.Redirect(q.To("bulk-jobs", found.ID))
	}
	return q.Show(cancelPage, "Cancel a bulk job", cancelView{found, organizationOf(q)})
}

func cancel(q *web.Request) error {
	id, err := idOf(q)
	if err != nil {
		return err
	}
	_, err = q.Send(http.MethodPost, path+"/"+id+"/cancel", nil, nil)
	failure := web.FailureOf(err)
	switch {
	case failure != nil && failure.Reason() == "job_finished":
		q.SetFlash(web.Same, finished)
	case err != nil:
		if err := q.FlashFailure(err); err != nil {
			return err
		}
	default:
		q.SetFlash(web.Done, "The bulk job was cancelled. What it has done stays done.")
	}
	return q.Redirect(q.To("bulk-jobs", id))
}
