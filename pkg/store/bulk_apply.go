package store

import (
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

// addTo returns the column of a job's skipped counts with those of the step.
func (h *handled) addTo(column string) (string, error) {
	skipped, err := decodeColumn[map[string]int64](column)
	if err != nil {
		return "", err
	}
	for reason, count := range h.skipped {
		skipped[reason] += count
	}
	return encodeColumn(skipped)
}

// handleBulk applies the action of a job to the deliveries or events with the IDs, which ascend. Each passes the condition of the single
// call. All times are by the clock of the database, so that what a job makes is never older than a job that was created before.
func (s *Store) handleBulk(tx *gorm.DB, job webhook.BulkJob, ids []string, now time.Time) (handled, error) {
	h := newHandled()
	if len(ids) == 0 {
		return h, nil
	}
	if job.Action == webhook.BulkDeliver {
		if err := s.lockDeliver(tx, job.EndpointID, false); err != nil {
			return h, err
		}
	}
	found, err := s.viewBulk(tx, job, ids, true)
	if err != nil {
		return h, err
	}
	var taken []string
	for _, id := range ids {
		if reason := found.skips(id); reason != "" {
			h.skip(reason, 1)
			continue
		}
		taken = append(taken, id)
	}
	if len(taken) == 0 {
		return h, nil
	}
	switch job.Action {
	case webhook.BulkRetry:
		err = s.bulkRetry(tx, job, taken, now, &h)
	case webhook.BulkCancel:
		err = s.bulkCancel(tx, job, taken, now, &h)
	case webhook.BulkReplay, webhook.BulkDeliver:
		for _, id := range taken {
			h.waiting = append(h.waiting, found.made(id, now))
		}
		err = s.insertInBulk(tx, &h)
	}
	return h, err
}

// bulkRetry requeues failed deliveries, which are locked.
func (s *Store) bulkRetry(tx *gorm.DB, job webhook.BulkJob, ids []string, now time.Time, h *handled) error {
	rows, err := s.requeueRows(tx, webhook.Retry{OrganizationID: job.OrganizationID, At: now, BulkJobID: job.ID}, ids)
	if err != nil {
		return err
	}
	for _, row := range rows {
		h.waiting = append(h.waiting, row.delivery())
	}
	h.applied = int64(len(rows))
	h.skip(webhook.SkippedEndpointDisabled, int64(len(ids)-len(rows))) // disabled since its endpoint was read
	return nil
}

// bulkCancel ends waiting deliveries, which are locked.
func (s *Store) bulkCancel(tx *gorm.DB, job webhook.BulkJob, ids []string, now time.Time, h *handled) error {
	ended, err := s.cancelRows(tx, webhook.Cancellation{OrganizationID: job.OrganizationID, At: now, BulkJobID: job.ID}, ids)
	h.applied = int64(len(ended))
	return err
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
	if err := s.insertDeliveryRows(tx, rows); err != nil {
		return err
	}
	return s.countDeliveries(tx, "created", webhook.HourOf(rows[0].CreatedAt), ids...)
}
