package endpoints

import (
	"net/http"
	"net/url"

	"redrive/api-service/internal/console/resource"
	"redrive/api-service/internal/console/web"
)

type changesView struct {
	// Endpoint has no name if it was deleted.
	Endpoint resource.Endpoint
	Changes  []change
	Next     string
}

// showChanges shows all changes of an endpoint, also of one that was deleted.
func showChanges(q *web.Request) error {
	id, err := idOf(q)
	if err != nil {
		return err
	}
	v := changesView{Endpoint: resource.Endpoint{ID: id}}
	query := url.Values{"limit": {"50"}}
	if cursor := q.Query("cursor"); cursor != "" {
		query.Set("cursor", cursor)
	}
	var found resource.List[resource.Change]
	if err := q.Get(base+"/"+id+"/changes", query, &found); err != nil {
		return err
	}
	if v.Changes, err = readable(found.Items); err != nil {
		return err
	}
	if found.HasMore {
		v.Next = q.ToWith(url.Values{"cursor": {found.NextCursor}}, section, id, "changes")
	}
	err = q.Get(base+"/"+id, nil, &v.Endpoint)
	if failure := web.FailureOf(err); failure != nil && failure.Status == http.StatusNotFound {
		err = nil
	}
	if err != nil {
		return err
	}
	return q.Show(changesPage, "Changes of an endpoint", v)
}
