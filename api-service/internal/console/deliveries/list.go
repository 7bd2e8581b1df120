package deliveries

import (
	"net/url"

	"redrive/api-service/internal/console/pages"
	"redrive/api-service/internal/console/resource"
	"redrive/api-service/internal/console/web"
	"redrive/pkg/webhook"
)

type listView struct {
	Deliveries []resource.Delivery
	Endpoints  pages.Endpoints
	Statistics resource.Statistics
	Tabs       []tab
	Chips      []pages.Chip
	// Filter has the filters of the page, by their parameters.
	Filter map[string]string
	Next   string
	// Wrong is set if the API has refused a filter.
	Wrong *web.APIError
	// BulkQuery is the query of the filters, and BulkPath the page that makes a bulk job of all that matches. Without a filter there is none.
	BulkQuery, BulkPath string
}

type tab struct {
	Name, Path, Count string
	Current           bool
}

func list(q *web.Request) error {
	filter := pages.Filter(q.R.URL.Query(), webhook.DeliveryParameters)
	view := listView{Filter: pages.Flat(filter)}
	if err := view.readPage(q, filter); err != nil {
		return err
	}
	if unknown := pages.Unknown(q.R.URL.Query(), webhook.DeliveryParameters); unknown != "" && view.Wrong == nil {
		view.Wrong = pages.Refusal("There is no filter " + unknown + ". It was left out.")
	}
	var err error
	if view.Endpoints, err = pages.ReadEndpoints(q); err != nil {
		return err
	}
	if err := q.Get(base+"/stats", nil, &view.Statistics); err != nil {
		return err
	}
	view.Tabs = tabsOf(q, filter, view.Statistics)
	view.Chips = pages.Chips(filter, webhook.DeliveryParameters, view.Endpoints, func(parameter string) string {
		return q.ToWith(pages.Without(filter, parameter), "deliveries")
	})
	if len(filter) > 0 {
		view.BulkQuery, view.BulkPath = filter.Encode(), q.ToWith(filter, "bulk-jobs", "new")
	}
	return q.Show(listPage, "Deliveries", view)
}

// readPage reads the page of the list, or why the API refuses the filters.
func (v *listView) readPage(q *web.Request, filter url.Values) error {
	query := pages.With(pages.With(filter, "limit", web.Count(maxSelected)), "bodies", "false")
	if cursor := q.Query("cursor"); cursor != "" {
		query.Set("cursor", cursor)
	}
	var found resource.List[resource.Delivery]
	if err := q.Get(path, query, &found); err != nil {
		v.Wrong, err = pages.Refused(err)
		return err
	}
	v.Deliveries = found.Items
	if found.HasMore {
		v.Next = q.ToWith(pages.With(filter, "cursor", found.NextCursor), "deliveries")
	}
	return nil
}

// tabsOf returns the tabs of the list. What waits is counted now, up to a bound. What has ended is counted of the last 24 hours.
func tabsOf(q *web.Request, filter url.Values, s resource.Statistics) []tab {
	more := ""
	if s.Waiting.Capped {
		more = "+"
	}
	var tabs []tab
	for _, t := range []struct{ name, status, count string }{
		{"All", "", ""},
		{"Pending", "pending", web.Count(s.Waiting.Pending) + more},
		{"Retrying", "retrying", web.Count(s.Waiting.Retrying) + more},
		{"Failure", "failure", web.Count(s.Totals.Failed) + " in 24 h"},
		{"Success", "success", web.Count(s.Totals.Succeeded) + " in 24 h"},
	} {
		values := pages.Without(filter, "status")
		if t.status != "" {
			values.Set("status", t.status)
		}
		tabs = append(tabs, tab{t.name, q.ToWith(values, "deliveries"), t.count, filter.Get("status") == t.status})
	}
	return tabs
}

// Statuses returns the choices of the filter status.
func (listView) Statuses() []string {
	return []string{"pending", "retrying", "pending,retrying", "success", "failure"}
}

// FailureReasons returns the choices of the filter failureReason.
func (listView) FailureReasons() []string {
	return []string{"exhausted", "gone", "endpoint_disabled", "endpoint_deleted", "cancelled", "attempts_orphaned"}
}

// ErrorCodes returns the choices of the filter errorCode.
func (listView) ErrorCodes() []string {
	return []string{"http_status", "timeout", "connection_refused", "connection_reset", "dns", "tls", "protocol", "egress_refused"}
}
