package endpoints

import (
	"net/http"
	"net/url"

	"redrive/api-service/internal/console/resource"
	"redrive/api-service/internal/console/web"
)

type listView struct {
	Endpoints []resource.Endpoint
	Tabs      []tab
	// Filter has the filters of the page, by their parameters.
	Filter map[string]string
	Next   string
	// Wrong is set if the API has refused a filter.
	Wrong *web.APIError
}

// First reports whether the organization has no endpoint, as far as the page knows.
func (v listView) First() bool { return len(v.Endpoints) == 0 && len(v.Filter) == 0 && v.Next == "" }

type tab struct {
	Name, Path string
	Current    bool
}

// filters are the parameters of the API's list that the page has too.
var filters = []string{"status", "failing", "q"}

func list(q *web.Request) error {
	filter := url.Values{}
	view := listView{Filter: map[string]string{}, Tabs: tabsOf(q)}
	for _, name := range filters {
		if value := q.Query(name); value != "" {
			filter.Set(name, value)
			view.Filter[name] = value
		}
	}
	query := url.Values{"limit": {"50"}}
	for name := range filter {
		query[name] = filter[name]
	}
	if cursor := q.Query("cursor"); cursor != "" {
		query.Set("cursor", cursor)
		view.Filter["cursor"] = cursor
	}
	var found resource.List[resource.Endpoint]
	if err := q.Get(base, query, &found); err != nil {
		if view.Wrong = web.FailureOf(err); view.Wrong == nil || view.Wrong.Status != http.StatusBadRequest {
			return err
		}
	}
	view.Endpoints = found.Items
	if found.HasMore {
		filter.Set("cursor", found.NextCursor)
		view.Next = q.ToWith(filter, section)
	}
	return q.Show(listPage, "Endpoints", view)
}

// tabsOf returns the tabs of the list. They keep the text that is searched for.
func tabsOf(q *web.Request) []tab {
	made := func(name, parameter, value string) tab {
		query := url.Values{}
		if text := q.Query("q"); text != "" {
			query.Set("q", text)
		}
		current := q.Query("status") == "" && q.Query("failing") == ""
		if parameter != "" {
			query.Set(parameter, value)
			current = q.Query(parameter) == value
		}
		return tab{name, q.ToWith(query, section), current}
	}
	return []tab{
		made("All", "", ""), made("Active", "status", "active"), made("Disabled", "status", "disabled"), made("Failing", "failing", "true"),
	}
}
