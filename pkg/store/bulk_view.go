package store

import (
	"errors"
	"maps"
	"slices"
	"time"

	"gorm.io/gorm"

	"redrive/pkg/webhook"
)

// A bulkView is what decides about the deliveries or events with some IDs.
type bulkView struct {
	job        webhook.BulkJob
	deliveries map[string]inBulk // none for webhook.BulkDeliver
	endpoints  map[string]webhook.Endpoint
	events     map[string]webhook.Event // for webhook.BulkReplay and webhook.BulkDeliver
	has        map[string]bool          // for webhook.BulkDeliver: the events that have a delivery to the endpoint
}

// inBulk is a delivery as a step finds it.
type inBulk struct {
	ID, EventID, EndpointID, Status, FailureReason string
	Test                                           bool
	UpdatedAt                                      time.Time
	FailedAt                                       *time.Time
}

// viewBulk reads what decides about deliveries or events. With hold, in a transaction, it locks the deliveries that the action changes in
// the order of their IDs, as all statements do, and the events of new deliveries against a purge.
func (s *Store) viewBulk(tx *gorm.DB, job webhook.BulkJob, ids []string, hold bool) (v bulkView, err error) {
	v.job = job
	endpointIDs, eventIDs := []string{job.EndpointID}, ids
	if job.Action != webhook.BulkDeliver {
		if endpointIDs, eventIDs, err = s.viewDeliveries(tx, &v, ids, hold && job.Action != webhook.BulkReplay); err != nil {
			return v, err
		}
	} else if v.has, err = s.haveDelivery(tx, job.EndpointID, ids); err != nil {
		return v, err
	}
	if job.Action == webhook.BulkReplay || job.Action == webhook.BulkDeliver {
		if v.events, err = s.viewEvents(tx, eventIDs, hold); err != nil {
			return v, err
		}
	}
	if job.Action != webhook.BulkCancel {
		v.endpoints, err = s.endpointsInBulk(tx, job, endpointIDs)
	}
	return v, err
}

// viewDeliveries reads the deliveries that have not been purged. It returns the IDs of their endpoints and events.
func (s *Store) viewDeliveries(tx *gorm.DB, v *bulkView, ids []string, lock bool) (endpointIDs, eventIDs []string, err error) {
	query := tx
	if lock {
		query = s.locking(tx, forNoKeyUpdate)
	}
	var found []inBulk
	err = query.Model(&deliveryRow{}).Select("id", "event_id", "endpoint_id", "status", "failure_reason", "test", "updated_at", "failed_at").
		Where("organization_id = ?", v.job.OrganizationID).Where(s.oneOf("id", ids)).Order("id").Find(&found).Error
	v.deliveries = make(map[string]inBulk, len(found))
	endpoints, events := map[string]bool{}, map[string]bool{}
	for _, d := range found {
		v.deliveries[d.ID] = d
		endpoints[d.EndpointID], events[d.EventID] = true, true
	}
	return slices.Sorted(maps.Keys(endpoints)), slices.Sorted(maps.Keys(events)), err
}

// haveDelivery returns those of the events that have a delivery to an endpoint.
func (s *Store) haveDelivery(tx *gorm.DB, endpointID string, eventIDs []string) (map[string]bool, error) {
	var having []string
	err := tx.Model(&deliveryRow{}).Where(s.oneOf("event_id", eventIDs)).Where("endpoint_id || '' = ?", endpointID).Distinct().Pluck("event_id", &having).Error
	has := make(map[string]bool, len(having))
	for _, id := range having {
		has[id] = true
	}
	return has, err
}

// viewEvents returns events by ID without their data, and leaves out those that were purged. With hold, it locks them against a purge until
// the transaction ends.
func (s *Store) viewEvents(tx *gorm.DB, ids []string, hold bool) (map[string]webhook.Event, error) {
	query := tx
	if hold {
		query = s.locking(tx, forKeyShare)
	}
	var rows []eventRow
	err := query.Select("id", "organization_id", "event_type", "created_at").Where(s.oneOf("id", ids)).Order("id").Find(&rows).Error
	events := make(map[string]webhook.Event, len(rows))
	for _, row := range rows {
		events[row.ID] = row.event()
	}
	return events, err
}

// endpointsInBulk returns endpoints by ID.
func (s *Store) endpointsInBulk(tx *gorm.DB, job webhook.BulkJob, ids []string) (map[string]webhook.Endpoint, error) {
	var rows []endpointRow
	err := tx.Where("organization_id = ?", job.OrganizationID).Where(s.oneOf("id", ids)).Find(&rows).Error
	endpoints := make(map[string]webhook.Endpoint, len(rows))
	for _, endpoint := range endpointsOf(rows) {
		endpoints[endpoint.ID] = endpoint
	}
	return endpoints, err
}

// skips returns the reason for which the job skips a delivery or an event, or "".
func (v bulkView) skips(id string) string {
	if v.job.Action == webhook.BulkDeliver {
		return v.skipsEvent(id)
	}
	d, found := v.deliveries[id]
	if !found {
		return webhook.SkippedNoLongerMatching // it was purged
	}
	switch v.job.Action {
	case webhook.BulkRetry:
		return v.skipsRetry(d)
	case webhook.BulkReplay:
		if _, kept := v.events[d.EventID]; !kept {
			return webhook.SkippedNoLongerMatching
		}
		return v.refusal(d.EndpointID)
	case webhook.BulkCancel:
		if !webhook.Status(d.Status).Waiting() {
			return webhook.SkippedDeliveryNotWaiting
		}
	case webhook.BulkDeliver: // above
	}
	return ""
}

func (v bulkView) skipsRetry(d inBulk) string {
	failedAt := d.UpdatedAt // of a delivery that a version without failed_at has recorded
	if d.FailedAt != nil {
		failedAt = *d.FailedAt
	}
	switch {
	case d.Status != string(webhook.StatusFailure):
		return webhook.SkippedDeliveryNotFailed
	case !failedAt.Before(v.job.CreatedAt):
		return webhook.SkippedNoLongerMatching
	case v.job.SkipsCancelled() && d.FailureReason == string(webhook.FailureCancelled):
		return webhook.SkippedCancelled
	}
	return v.refusal(d.EndpointID)
}

func (v bulkView) skipsEvent(id string) string {
	if reason := v.refusal(v.job.EndpointID); reason != "" {
		return reason
	}
	event, kept := v.events[id]
	switch {
	case v.has[id]:
		return webhook.SkippedHasDelivery
	case !kept || !webhook.Subscribes(v.endpoints[v.job.EndpointID].SubscribedEventTypes, event.Type):
		return webhook.SkippedNoLongerMatching
	}
	return ""
}

// refusal returns the reason for which an endpoint takes no deliveries, or "".
func (v bulkView) refusal(endpointID string) string {
	endpoint, known := v.endpoints[endpointID]
	if !known {
		return webhook.SkippedEndpointDeleted
	}
	switch err := endpoint.TakesDeliveries(); {
	case err == nil:
		return ""
	case errors.Is(err, webhook.ErrEndpointDisabled):
		return webhook.SkippedEndpointDisabled
	}
	return webhook.SkippedEndpointDeleted
}

// made returns the delivery that the job makes for a delivery or an event that it does not skip.
func (v bulkView) made(id string, now time.Time) webhook.Delivery {
	if v.job.Action == webhook.BulkDeliver {
		return webhook.NewRedeliveryBy(v.job.ID, v.events[id], v.endpoints[v.job.EndpointID], now)
	}
	d := v.deliveries[id]
	old := webhook.Delivery{ID: d.ID, Test: d.Test}
	return old.ReplayedBy(v.job.ID, v.events[d.EventID], v.endpoints[d.EndpointID], now)
}
