package bulkjobs

import (
	"net/http"
	"net/url"

	"redrive/api-service/internal/console/pages"
	"redrive/api-service/internal/console/resource"
	"redrive/api-service/internal/console/web"
)

type jobView struct {
	job
	Organization string
	// Endpoint is the name of the endpoint of the action deliver.
	Endpoint string
	Chips    []pages.Chip
	// Matching is the list of what matches the job's filter now, and Touched that of the job's deliveries.
	Matching, Touched string
	Commands          []command
}

// command is a call of the API.
type command struct{ Name, Text string }

// Skip is a reason for which the job has passed over some.
type Skip struct {
	Reason, Why string
	Count       int64
}

// Skips returns what the job has passed over, by reason.
func (v jobView) Skips() []Skip {
	var all []Skip
	for _, reason := range web.SortedKeys(v.Skipped) {
		all = append(all, Skip{reason, skips[reason], v.Skipped[reason]})
	}
	return all
}

// Pace says how fast the job is.
func (v jobView) Pace() string { return paceOf(v.PerSecond) }

// TouchedWith returns the list of the job's deliveries with a status.
func (v jobView) TouchedWith(status string) string {
	return v.Touched + "&" + url.Values{"status": {status}}.Encode()
}

// find reads the job in the path.
func find(q *web.Request) (found job, err error) {
	id, err := idOf(q)
	if err != nil {
		return found, err
	}
	err = q.Get(path+"/"+id, nil, &found.BulkJob)
	if failure := web.FailureOf(err); failure != nil && failure.Status == http.StatusNotFound {
		err = web.Refuse(http.StatusNotFound, "There is no such bulk job", "It does not exist in this organization, or it was purged after the retention time.")
	}
	return found, err
}

func show(q *web.Request) error {
	found, err := find(q)
	if err != nil {
		return err
	}
	endpoints := pages.Endpoints{}
	if found.EndpointID != "" || found.Filter["endpointId"] != "" {
		if endpoints, err = pages.ReadEndpoints(q); err != nil {
			return err
		}
	}
	section := found.Words().Section()
	view := jobView{job: found, Organization: organizationOf(q), Endpoint: endpoints.Name(found.EndpointID)}
	view.Matching = q.ToWith(found.values(), section)
	view.Touched = q.ToWith(url.Values{"bulkJobId": {found.ID}}, "deliveries")
	view.Chips = pages.Chips(found.values(), found.Words().parameters(), endpoints, func(name string) string {
		return q.ToWith(url.Values{name: {found.Filter[name]}}, section)
	})
	view.Commands = commandsOf(q, found.BulkJob)
	return q.Show(jobPage, "Bulk job", view)
}

// commandsOf returns the calls that the page's actions make.
func commandsOf(q *web.Request, j resource.BulkJob) []command {
	commands := []command{{"Read", q.Curl(http.MethodGet, path+"/"+j.ID, "")}}
	if j.Running() {
		commands = append(commands, command{"Cancel", q.Curl(http.MethodPost, path+"/"+j.ID+"/cancel", "")})
	}
	return commands
}
