package store

import (
	"context"
	"slices"

	"redrive/pkg/webhook"
)

// deliveryWalk returns the walk of deliveries along the index that restricts them most: that of the endpoint, of the statuses, or of the
// organization. A condition that must not use another index has its column in an expression.
func (s *Store) deliveryWalk(ctx context.Context, f webhook.DeliveryFilter) (walk, error) {
	var all conditions
	all.equal("d.organization_id", f.OrganizationID)
	all.created("d", webhook.KindDelivery, f.From, f.To)
	filter := deliveryFields(f)
	filter.equal("d.event_id || ''", f.EventID)
	if event := eventFields(f); !event.empty() {
		filter.add("(SELECT "+event.where()+" FROM events e WHERE e.id = d.event_id)", event.arguments...)
	}
	statuses := f.Possible()
	if f.BulkJobID != "" {
		all.add("d.bulk_job_id <> ''") // the predicate of the index
		all.equal("d.bulk_job_id", f.BulkJobID)
		filter.equal("d.endpoint_id || ''", f.EndpointID)
		return newWalk("deliveries", "d", filter.and(statusIn(statuses)), all), nil
	}
	byOrganization := newWalk("deliveries", "d", filter.and(statusIn(statuses)), all)
	var ofEndpoint conditions
	ofEndpoint.equal("d.endpoint_id", f.EndpointID)
	byEndpoint := newWalk("deliveries", "d", byOrganization.filter, all.and(ofEndpoint))
	byStatus := newWalk("deliveries", "d", filter)
	byStatus.filter.equal("d.endpoint_id || ''", f.EndpointID)
	if !slices.Contains(statuses, webhook.StatusSuccess) { // which has no index
		byStatus.branches = byStatuses(all, statuses)
	}
	switch {
	case byStatus.branches == nil && f.EndpointID == "":
		return byOrganization, nil
	case byStatus.branches == nil:
		return byEndpoint, nil
	case f.EndpointID == "":
		return byStatus, nil
	}
	few, err := s.few(ctx, byStatus)
	if err != nil || few {
		return byStatus, err
	}
	if few, err = s.few(ctx, byEndpoint); few {
		return byEndpoint, err
	}
	return byStatus, err
}

// shortWalkRows is how many rows a walk looks at faster than the deliveries of probeRows events are read.
const shortWalkRows = 1000

// shortWalk reports whether few deliveries with the statuses follow the position of a page, and are to be walked although the filter
// restricts events.
func (s *Store) shortWalk(ctx context.Context, f webhook.DeliveryFilter, page webhook.Page) (bool, error) {
	statuses := f.Possible()
	if f.EventID != "" || slices.Contains(statuses, webhook.StatusSuccess) || eventFields(f).empty() {
		return false, nil
	}
	var all, after conditions
	all.equal("d.organization_id", f.OrganizationID)
	after.after("d", page.After)
	return s.atMost(ctx, newWalk("deliveries", "d", conditions{}, byStatuses(all.and(after), statuses)...), shortWalkRows)
}

// byStatuses returns the branches of a walk along the index of the statuses, none of which is success.
func byStatuses(all conditions, statuses []webhook.Status) (branches []conditions) {
	for _, status := range statuses {
		branch := all.and(conditions{})
		branch.add("d.status = '" + string(status) + "'") // a constant, so that the partial index is used
		branches = append(branches, branch)
	}
	return branches
}
