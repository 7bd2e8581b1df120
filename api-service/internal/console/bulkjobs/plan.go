package bulkjobs

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"

	"redrive/api-service/internal/console/pages"
	"redrive/api-service/internal/console/resource"
	"redrive/api-service/internal/console/web"
)

type planView struct {
	wanted
	Plan         resource.BulkPlan
	Organization string
	Endpoint     string
	Filters      []pages.Chip
	// Back is the form with the same fields.
	Back string
	// Fields are those of the form that makes the job.
	Fields map[string]string
	Curl   string
}

// Number writes how many the job would handle.
func (v planView) Number() string {
	if v.Plan.Exact {
		return v.Action.Things(v.Plan.Total)
	}
	return "at least " + v.Action.Things(v.Plan.Total)
}

// Sentence says what the job does, for example: Retry 12,345 deliveries of Acme.
func (v planView) Sentence() string {
	sentence := v.Action.Verb + " " + v.Number() + " of " + v.Organization
	if v.Action.Events() {
		sentence += " to " + v.Endpoint
	}
	return sentence
}

// Nothing reports whether nothing matches.
func (v planView) Nothing() bool { return v.Plan.Exact && v.Plan.Total == 0 }

// Pace says how fast the job is.
func (w wanted) Pace() string {
	if n, err := strconv.Atoi(w.PerSecond); err == nil {
		return paceOf(n)
	}
	return w.PerSecond
}

func paceOf(perSecond int) string {
	if perSecond == 0 {
		return "as fast as fairness between organizations allows"
	}
	return "at most " + web.Count(perSecond) + " per second"
}

// plan shows what the job would do. It changes nothing.
func plan(q *web.Request, w wanted) error {
	view := planView{wanted: w, Organization: organizationOf(q)}
	if _, err := q.Send(http.MethodPost, path+"/plan", w.body(), &view.Plan); err != nil {
		wrong, err := pages.Refused(err)
		if err != nil {
			return err
		}
		return showForm(q, w, wrong)
	}
	endpoints, err := pages.ReadEndpoints(q)
	if err != nil {
		return err
	}
	view.Endpoint = endpoints.Name(w.EndpointID)
	view.Filters = pages.Chips(w.Filter, w.Action.parameters(), endpoints, func(string) string { return "" })
	view.Back = q.ToWith(w.query(), "bulk-jobs", "new")
	view.Fields = pages.Flat(w.query())
	view.Curl = w.curl(q)
	return q.Show(planPage, "Plan of a bulk job", view)
}

// curl returns the command that makes the job.
func (w wanted) curl(q *web.Request) string {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if encoder.Encode(w.body()) != nil {
		return ""
	}
	return q.Curl(http.MethodPost, path, string(bytes.TrimSpace(text.Bytes())))
}
