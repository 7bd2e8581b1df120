package store

import (
	"errors"
	"time"

	"gorm.io/gorm"

	"redrive/pkg/webhook"
)

// handled is what a step did with its deliveries or events.
type handled struct {
	applied int64
	skipped map[string]int64
	waiting []webhook.Delivery // requeued or made
}

func newHandled() handled { return handled{skipped: map[string]int64{}} }

// skip counts deliveries that were skipped for a reason. A count of zero leaves no trace.
func (h *handled) skip(reason string, count int64) {
	if count > 0 {
		h.skipped[reason] += count
	}
}

// handleBulk applies the action of a job to the deliveries or events with the IDs, which ascend. Each passes the condition of the single
// call. All times are by the clock of the database, so that what a job makes is never older than a job that was created before.
func (s *Store) handleBulk(tx *gorm.DB, job webhook.BulkJob, ids []string, now time.Time) (handled, error) {
	if len(ids) == 0 {
		return newHandled(), nil
	}
	if job.Action == webhook.BulkDeliver {
		return s.bulkDeliver(tx, job, ids, now)
	}
	found, err := s.lockInBulk(tx, job, ids)
	if err != nil {
		return handled{}, err
	}
	h := newHandled()
	h.skip(webhook.SkippedNoLongerMatching, int64(len(ids)-len(found))) // they were purged
	switch job.Action {
	case webhook.BulkRetry:
		err = s.bulkRetry(tx, job, found, now, &h)
	case webhook.BulkReplay:
		err = s.bulkReplay(tx, job, found, now, &h)
	case webhook.BulkCancel:
		err = s.bulkCancel(tx, job, found, now, &h)
	case webhook.BulkDeliver: // above
	}
	return h, err
}

// inBulk is a delivery as a step finds it.
type inBulk struct {
	ID, EventID, EndpointID, Status, FailureReason string
	Test                                           bool
	UpdatedAt                                      time.Time
	FailedAt                                       *time.Time
}

// lockInBulk reads deliveries and locks them in the order of their IDs, as all statements do. It leaves out those that were purged.
func (s *Store) lockInBulk(tx *gorm.DB, job webhook.BulkJob, ids []string) (found []inBulk, err error) {
	query := s.locking(tx, forNoKeyUpdate)
	if job.Action == webhook.BulkReplay { // it changes none of them
		query = tx
	}
	err = query.Model(&deliveryRow{}).Select("id", "event_id", "endpoint_id", "status", "failure_reason", "test", "updated_at", "failed_at").
		Where("organization_id = ?", job.OrganizationID).Where(s.oneOf("id", ids)).Order("id").Find(&found).Error
	return found, err
}

// endpointsInBulk returns the endpoints of deliveries by ID.
func (s *Store) endpointsInBulk(tx *gorm.DB, job webhook.BulkJob, found []inBulk) (map[string]webhook.Endpoint, error) {
	wanted := map[string]bool{}
	var ids []string
	for _, d := range found {
		if !wanted[d.EndpointID] {
			wanted[d.EndpointID] = true
			ids = append(ids, d.EndpointID)
		}
	}
	var rows []endpointRow
	err := tx.Where("organization_id = ?", job.OrganizationID).Where(s.oneOf("id", ids)).Find(&rows).Error
	endpoints := make(map[string]webhook.Endpoint, len(rows))
	for _, endpoint := range endpointsOf(rows) {
		endpoints[endpoint.ID] = endpoint
	}
	return endpoints, err
}

// refusal returns the reason for which an endpoint takes no deliveries, or "".
func refusal(endpoint webhook.Endpoint, known bool) string {
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

// bulkRetry requeues failed deliveries.
func (s *Store) bulkRetry(tx *gorm.DB, job webhook.BulkJob, found []inBulk, now time.Time, h *handled) error {
	endpoints, err := s.endpointsInBulk(tx, job, found)
	if err != nil {
		return err
	}
	var ids []string
	for _, d := range found {
		endpoint, known := endpoints[d.EndpointID]
		failedAt := d.UpdatedAt
		if d.FailedAt != nil {
			failedAt = *d.FailedAt
		}
		switch {
		case d.Status != string(webhook.StatusFailure):
			h.skip(webhook.SkippedDeliveryNotFailed, 1)
		case !failedAt.Before(job.CreatedAt):
			h.skip(webhook.SkippedNoLongerMatching, 1)
		case job.SkipsCancelled() && d.FailureReason == string(webhook.FailureCancelled):
			h.skip(webhook.SkippedCancelled, 1)
		case refusal(endpoint, known) != "":
			h.skip(refusal(endpoint, known), 1)
		default:
			ids = append(ids, d.ID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	retry := webhook.Retry{OrganizationID: job.OrganizationID, At: now, BulkJobID: job.ID}
	rows, err := s.requeueRows(tx, retry, ids)
	if err != nil {
		return err
	}
	for _, row := range rows {
		h.waiting = append(h.waiting, row.delivery())
	}
	h.applied = int64(len(rows))
	h.skip(webhook.SkippedEndpointDisabled, int64(len(ids)-len(rows))) // disabled since it was read; the deliveries are locked
	return nil
}

// bulkCancel ends waiting deliveries.
func (s *Store) bulkCancel(tx *gorm.DB, job webhook.BulkJob, found []inBulk, now time.Time, h *handled) error {
	var ids []string
	for _, d := range found {
		if !webhook.Status(d.Status).Waiting() {
			h.skip(webhook.SkippedDeliveryNotWaiting, 1)
			continue
		}
		ids = append(ids, d.ID)
	}
	if len(ids) == 0 {
		return nil
	}
	ended, err := s.cancelRows(tx, webhook.Cancellation{OrganizationID: job.OrganizationID, At: now, BulkJobID: job.ID}, ids)
	h.applied = int64(len(ended))
	return err
}

// bulkReplay makes a new delivery for each delivery.
func (s *Store) bulkReplay(tx *gorm.DB, job webhook.BulkJob, found []inBulk, now time.Time, h *handled) error {
	endpoints, err := s.endpointsInBulk(tx, job, found)
	if err != nil {
		return err
	}
	eventIDs := make([]string, len(found))
	for i, d := range found {
		eventIDs[i] = d.EventID
	}
	events, err := s.keepEvents(tx, eventIDs)
	if err != nil {
		return err
	}
	for _, d := range found {
		endpoint, known := endpoints[d.EndpointID]
		event, kept := events[d.EventID]
		switch reason := refusal(endpoint, known); {
		case reason != "":
			h.skip(reason, 1)
		case !kept:
			h.skip(webhook.SkippedNoLongerMatching, 1)
		default:
			old := webhook.Delivery{ID: d.ID, Test: d.Test}
			h.waiting = append(h.waiting, old.ReplayedBy(job.ID, event, endpoint, now))
		}
	}
	return s.insertInBulk(tx, h)
}

// insertInBulk inserts and counts the deliveries that a step makes, all at the same time.
func (s *Store) insertInBulk(tx *gorm.DB, h *handled) error {
	if len(h.waiting) == 0 {
		return nil
	}
	rows, ids := make([]deliveryRow, len(h.waiting)), make([]string, len(h.waiting))
	for i, d := range h.waiting {
		rows[i], ids[i] = newDeliveryRow(d), d.ID
	}
	h.applied = int64(len(rows))
	if err := insertDeliveryRows(tx, rows); err != nil {
		return err
	}
	return s.countDeliveries(tx, "created", webhook.HourOf(rows[0].CreatedAt), ids...)
}

// keepEvents locks events against a purge until the transaction ends, and returns them by ID without their data. It leaves out those that
// were purged.
func (s *Store) keepEvents(tx *gorm.DB, ids []string) (map[string]webhook.Event, error) {
	var rows []eventRow
	err := s.locking(tx, forKeyShare).Select("id", "organization_id", "event_type", "created_at").Where(s.oneOf("id", ids)).Order("id").Find(&rows).Error
	events := make(map[string]webhook.Event, len(rows))
	for _, row := range rows {
		events[row.ID] = row.event()
	}
	return events, err
}
