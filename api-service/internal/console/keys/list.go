package keys

import (
	"net/http"
	"net/url"

	"redrive/api-service/internal/console/resource"
	"redrive/api-service/internal/console/web"
)

type listView struct {
	Keys []resource.APIKey
	Next string
	Curl string
}

func list(q *web.Request) error {
	query := url.Values{"limit": {"50"}}
	if cursor := q.Query("cursor"); cursor != "" {
		query.Set("cursor", cursor)
	}
	var found resource.List[resource.APIKey]
	if err := q.Get(path, query, &found); err != nil {
		return err
	}
	view := listView{Keys: found.Items, Curl: q.Curl(http.MethodGet, path, "")}
	if found.HasMore {
		view.Next = q.ToWith(url.Values{"cursor": {found.NextCursor}}, "keys")
	}
	return q.Show(listPage, "API keys", view)
}
