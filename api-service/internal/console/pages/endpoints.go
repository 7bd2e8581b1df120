package pages

import (
	"cmp"
	"slices"

	"redrive/api-service/internal/console/resource"
	"redrive/api-service/internal/console/web"
)

// Endpoints are the endpoints of an organization by their IDs, without deleted ones.
type Endpoints map[string]resource.Endpoint

// ReadEndpoints reads the endpoints of the request's organization, at most 1,000.
func ReadEndpoints(q *web.Request) (Endpoints, error) {
	all, _, err := All[resource.Endpoint](q, "/v1/execution-webhooks")
	if err != nil {
		return nil, err
	}
	known := make(Endpoints, len(all))
	for _, endpoint := range all {
		known[endpoint.ID] = endpoint
	}
	return known, nil
}

// Name returns the name of an endpoint, or its ID if it was deleted.
func (e Endpoints) Name(id string) string {
	if endpoint, known := e[id]; known {
		return endpoint.Name
	}
	return id
}

// Known reports whether the endpoint exists.
func (e Endpoints) Known(id string) bool {
	_, known := e[id]
	return known
}

// Active reports whether the endpoint exists and is not disabled.
func (e Endpoints) Active(id string) bool { return e.Known(id) && !e[id].Disabled() }

// Sorted returns the endpoints by their names.
func (e Endpoints) Sorted() []resource.Endpoint {
	all := make([]resource.Endpoint, 0, len(e))
	for _, endpoint := range e {
		all = append(all, endpoint)
	}
	slices.SortFunc(all, func(a, b resource.Endpoint) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) })
	return all
}
