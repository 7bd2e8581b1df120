package local

import (
	"context"
	"errors"
	"fmt"
	"net/http"
)

// failure is a delivery in failure as the welcome message shows it.
type failure struct {
	ID, URL, Reason string
	// Sample reports that it went to the sample receiver, which can be healed.
	Sample bool
}

// looked is the number of latest deliveries that are searched for one in failure. It bounds the time of a start.
const looked = 2000

// latestFailure returns a delivery in failure to an active endpoint: the latest to the sample receiver, or else the latest. Its ID is
// empty if there is none among the latest deliveries.
func (c client) latestFailure(ctx context.Context, sampleURL string) (found failure, err error) {
	const pageSize = 100
	known := map[string]endpoint{}
	more := true
	for offset := 0; more && offset < looked && !found.Sample; offset += pageSize {
		var page struct {
			Items   []delivery
			HasMore bool
		}
		if err := c.call(ctx, http.MethodGet, fmt.Sprintf("/deliveries?limit=%d&offset=%d", pageSize, offset), nil, &page); err != nil {
			return failure{}, err
		}
		more = page.HasMore
		for _, d := range page.Items {
			if d.Status != "failure" {
				continue
			}
			to, err := c.endpoint(ctx, d.EndpointID, known)
			if err != nil {
				return failure{}, err
			}
			sample := to.URL == sampleURL
			if to.Status == "active" && !found.Sample && (sample || found.ID == "") {
				found = failure{d.ID, to.URL, d.ErrorMessage, sample}
			}
		}
	}
	return found, nil
}

// endpoint returns an endpoint and caches it. A deleted one is empty.
func (c client) endpoint(ctx context.Context, id string, known map[string]endpoint) (endpoint, error) {
	if e, seen := known[id]; seen {
		return e, nil
	}
	var e endpoint
	err := c.call(ctx, http.MethodGet, "/"+id, nil, &e)
	if errors.Is(err, errNotFound) {
		err = nil
	}
	known[id] = e
	return e, err
}
