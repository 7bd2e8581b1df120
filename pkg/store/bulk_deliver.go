package store

import (
	"time"

	"gorm.io/gorm"

	"redrive/pkg/webhook"
)

// deliverLocks is the class of the advisory locks of lockDeliver.
const deliverLocks = 0x0b01deb

// lockDeliver locks the deliveries of earlier events to an endpoint until the transaction ends. Bulk jobs take the lock alone, so that each
// sees the deliveries that the others have made. Single calls share it.
func (s *Store) lockDeliver(tx *gorm.DB, endpointID string, shared bool) error {
	lock := "pg_advisory_xact_lock"
	switch {
	case !s.dialect.RowLocks:
		return nil
	case shared:
		lock = "pg_advisory_xact_lock_shared"
	}
	return tx.Exec("SELECT "+lock+"(?, hashtext(?))", deliverLocks, endpointID).Error
}

// bulkDeliver makes a delivery to the job's endpoint for each event that has none.
func (s *Store) bulkDeliver(tx *gorm.DB, job webhook.BulkJob, ids []string, now time.Time) (handled, error) {
	h := newHandled()
	if err := s.lockDeliver(tx, job.EndpointID, false); err != nil {
		return h, err
	}
	endpoints, err := s.endpointsInBulk(tx, job, []inBulk{{EndpointID: job.EndpointID}})
	if err != nil {
		return h, err
	}
	endpoint, known := endpoints[job.EndpointID]
	if reason := refusal(endpoint, known); reason != "" {
		h.skip(reason, int64(len(ids)))
		return h, nil
	}
	events, err := s.keepEvents(tx, ids)
	if err != nil {
		return h, err
	}
	var having []string
	err = tx.Model(&deliveryRow{}).Where(s.oneOf("event_id", ids)).Where("endpoint_id || '' = ?", job.EndpointID).Distinct().Pluck("event_id", &having).Error
	if err != nil {
		return h, err
	}
	has := make(map[string]bool, len(having))
	for _, id := range having {
		has[id] = true
	}
	for _, id := range ids {
		event, kept := events[id]
		switch {
		case has[id]:
			h.skip(webhook.SkippedHasDelivery, 1)
		case !kept || !webhook.Subscribes(endpoint.SubscribedEventTypes, event.Type):
			h.skip(webhook.SkippedNoLongerMatching, 1)
		default:
			h.waiting = append(h.waiting, webhook.NewRedeliveryBy(job.ID, event, endpoint, now))
		}
	}
	return h, s.insertInBulk(tx, &h)
}
