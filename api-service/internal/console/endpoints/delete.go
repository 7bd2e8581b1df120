package endpoints

import (
	"net/http"

	"redrive/api-service/internal/console/resource"
	"redrive/api-service/internal/console/web"
)

type deleteView struct {
	Endpoint resource.Endpoint
	Waiting  string
}

// confirmDelete names the endpoint and what waits for it.
func confirmDelete(q *web.Request) error {
	endpoint, err := find(q)
	if err != nil {
		return err
	}
	var statistics resource.Statistics
	if err := q.Get(base+"/"+endpoint.ID+"/stats", nil, &statistics); err != nil {
		return err
	}
	return q.Show(deletePage, "Delete an endpoint", deleteView{endpoint, waitingOf(statistics)})
}

// maxWaiting is up to how many waiting deliveries the API counts.
const maxWaiting = 10_000

// waitingOf returns the number of deliveries that wait, or the bound of the count.
func waitingOf(s resource.Statistics) string {
	if s.Waiting.Capped {
		return web.Count(maxWaiting) + "+"
	}
	return web.Count(s.Waiting.Pending + s.Waiting.Retrying)
}

// remove deletes the endpoint, once the page that asks has been confirmed.
func remove(q *web.Request) error {
	id, err := idOf(q)
	if err != nil {
		return err
	}
	if q.Form("confirmed") == "" {
		return confirmDelete(q)
	}
	var deleted resource.Endpoint
	_, err = q.Send(http.MethodDelete, base+"/"+id, nil, &deleted)
	switch failure := web.FailureOf(err); {
	case failure != nil && failure.Status == http.StatusNotFound:
		q.SetFlash(web.Same, "Nothing was changed: the endpoint "+id+" does not exist any more.")
	case err != nil:
		if err := q.FlashFailure(err); err != nil {
			return err
		}
		return q.Redirect(q.To(section, id))
	default:
		q.SetFlash(web.Done, "The endpoint “"+deleted.Name+"” was deleted. Its waiting deliveries end in failure within a minute.")
	}
	return q.Redirect(q.To(section))
}
