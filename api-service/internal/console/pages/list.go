package pages

import (
	"net/url"
	"strconv"

	"redrive/api-service/internal/console/resource"
	"redrive/api-service/internal/console/web"
)

const (
	// walked is the number of items of one call, which is the API's largest.
	walked = 100
	// maxCalls bounds the reading of a whole list.
	maxCalls = 10
)

// All reads the list of a path to its end, but at most 1,000 items. It reports whether it has reached the end.
func All[T any](q *web.Request, path string) (items []T, whole bool, err error) {
	query := url.Values{"limit": {strconv.Itoa(walked)}}
	for range maxCalls {
		var page resource.List[T]
		if err := q.Get(path, query, &page); err != nil {
			return nil, false, err
		}
		items = append(items, page.Items...)
		if !page.HasMore {
			return items, true, nil
		}
		query.Set("cursor", page.NextCursor)
	}
	return items, false, nil
}
