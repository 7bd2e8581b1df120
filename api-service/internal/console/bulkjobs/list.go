package bulkjobs

import (
	"net/url"

	"redrive/api-service/internal/console/pages"
	"redrive/api-service/internal/console/resource"
	"redrive/api-service/internal/console/web"
)

type listView struct {
	Jobs []job
	Next string
}

func list(q *web.Request) error {
	query := url.Values{"limit": {"50"}}
	if cursor := q.Query("cursor"); cursor != "" {
		query.Set("cursor", cursor)
	}
	var found resource.List[resource.BulkJob]
	if err := q.Get(path, query, &found); err != nil {
		return err
	}
	var view listView
	for _, j := range found.Items {
		view.Jobs = append(view.Jobs, job{j})
	}
	if found.HasMore {
		view.Next = q.ToWith(url.Values{"cursor": {found.NextCursor}}, "bulk-jobs")
	}
	return q.Show(listPage, "Bulk jobs", view)
}

// job is a job as the pages show it.
type job struct{ resource.BulkJob }

// Words returns the words for the job's action.
func (j job) Words() action { return actionOf(j.Action) }

// Counted reports whether it is known how many the job handles.
func (j job) Counted() bool { return j.BulkJob.Total != nil }

// Whole returns how many the job handles. It is 0 before they were counted.
func (j job) Whole() int64 {
	if !j.Counted() {
		return 0
	}
	return *j.BulkJob.Total
}

// Left returns how many the job has not reached.
func (j job) Left() int64 { return max(j.Whole()-j.Processed, 0) }

// Progress says how far the job is.
func (j job) Progress() string {
	if !j.Counted() {
		return j.Words().Things(j.Processed) + " so far, being counted"
	}
	return web.Count(j.Processed) + " of " + j.Words().Things(j.Whole())
}

// Filters returns the filters of the job in words.
func (j job) Filters() []pages.Chip {
	return pages.Chips(j.values(), j.Words().parameters(), nil, func(string) string { return "" })
}

func (j job) values() url.Values {
	values := url.Values{}
	for name, value := range j.Filter {
		values.Set(name, value)
	}
	return values
}
