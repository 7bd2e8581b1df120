package endpoints

import (
	"net/url"
	"strconv"

	"redrive/api-service/internal/console/resource"
	"redrive/api-service/internal/console/web"
)

const (
	cataloguePage = 100 // the most that the API answers at once
	// cataloguePages bounds what a form lists. Types beyond it can be written.
	cataloguePages = 5
)

// readCatalogue reads the catalogue of event types. More says that it has more types.
func readCatalogue(q *web.Request) (types []resource.EventType, more bool, err error) {
	query := url.Values{"limit": {strconv.Itoa(cataloguePage)}}
	for range cataloguePages {
		var page resource.List[resource.EventType]
		if err := q.Get(catalogue, query, &page); err != nil {
			return nil, false, err
		}
		types = append(types, page.Items...)
		if !page.HasMore {
			return types, false, nil
		}
		query.Set("cursor", page.NextCursor)
	}
	return types, true, nil
}
