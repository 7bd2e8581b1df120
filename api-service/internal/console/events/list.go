package events

import (
	"net/url"

	"redrive/api-service/internal/console/pages"
	"redrive/api-service/internal/console/resource"
	"redrive/api-service/internal/console/web"
	"redrive/pkg/webhook"
)

type listView struct {
	Events []resource.Event
	Chips  []pages.Chip
	// Filter has the filters of the page, by their parameters.
	Filter map[string]string
	Next   string
	// Wrong is set if the API has refused a filter.
	Wrong      *web.APIError
	MayPublish bool
}

func list(q *web.Request) error {
	filter := pages.Filter(q.R.URL.Query(), webhook.EventParameters)
	view := listView{Filter: pages.Flat(filter), MayPublish: mayPublish(q)}
	view.Chips = pages.Chips(filter, webhook.EventParameters, nil, func(name string) string {
		return q.ToWith(pages.Without(filter, name), "events")
	})
	found, err := read(q, filter)
	if err != nil {
		if view.Wrong, err = pages.Refused(err); err != nil {
			return err
		}
	}
	view.Events = found.Items
	if found.HasMore {
		view.Next = q.ToWith(pages.With(filter, "cursor", found.NextCursor), "events")
	}
	return q.Show(listPage, "Events", view)
}

// read reads the page of the list that the address names.
func read(q *web.Request, filter url.Values) (found resource.List[resource.Event], err error) {
	query := pages.With(filter, "bodies", "false")
	query.Set("limit", "50")
	if cursor := q.Query("cursor"); cursor != "" {
		query.Set("cursor", cursor)
	}
	return found, q.Get(path, query, &found)
}
