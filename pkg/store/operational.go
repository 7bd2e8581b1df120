package store

import (
	"context"
	"slices"
	"time"

	"gorm.io/gorm"

	"redrive/pkg/webhook"
)

// operations are the rules for operational events, and what enqueues their deliveries.
type operations struct {
	rules   webhook.Operations
	enqueue func(ctx context.Context, deliveries ...webhook.Delivery)
}

// SetOperations sets the rules for failing endpoints and operational events. Without it, no endpoint is disabled for failing.
func (s *Store) SetOperations(rules webhook.Operations) {
	s.changeOperations(func(o *operations) { o.rules = rules })
}

// OnOperational sets the function that enqueues the deliveries of operational events after their commit. It must not block for long.
// Without it, the reconciler enqueues them. The first call decides: in local mode both services have the same store, and one of them
// enqueues for both.
func (s *Store) OnOperational(enqueue func(ctx context.Context, deliveries ...webhook.Delivery)) {
	s.changeOperations(func(o *operations) {
		if o.enqueue == nil {
			o.enqueue = enqueue
		}
	})
}

// changeOperations is for the start of a process, when one goroutine configures the store.
func (s *Store) changeOperations(change func(*operations)) {
	changed := s.currentOperations()
	change(&changed)
	s.operations.Store(&changed)
}

func (s *Store) currentOperations() operations {
	if current := s.operations.Load(); current != nil {
		return *current
	}
	return operations{}
}

// failingAfter returns webhook.Operations.FailingAfter, or a time longer than any if there is no limit.
func (s *Store) failingAfter() time.Duration {
	if after := s.currentOperations().rules.FailingAfter; after > 0 {
		return after
	}
	return 100 * 365 * 24 * time.Hour
}

// enqueueOperational enqueues the deliveries of operational events that were committed.
func (s *Store) enqueueOperational(ctx context.Context, deliveries []webhook.Delivery) {
	if enqueue := s.currentOperations().enqueue; enqueue != nil && len(deliveries) > 0 {
		enqueue(ctx, deliveries...)
	}
}

// lockJudged reads the health of an outcome's endpoint, and locks the endpoint if something may follow for it from the outcome. The row of
// the endpoint is empty if nothing follows, or if the endpoint was deleted.
func (s *Store) lockJudged(tx *gorm.DB, o webhook.Outcome) (endpoint endpointRow, health healthRow, err error) {
	health, err = findHealth(tx, o.Delivery.OrganizationID, o.Delivery.EndpointID)
	if err != nil || !o.DisableEndpoint && !s.currentOperations().rules.Due(health.health(), health.notices(), o).Any() {
		return endpoint, health, err
	}
	endpoint, err = s.lockEndpoint(tx, o.Delivery.OrganizationID, o.Delivery.EndpointID)
	if webhook.CodeOf(err) == webhook.CodeNotFound {
		return endpointRow{}, health, nil
	}
	return endpoint, health, err
}

// judge publishes what follows from an outcome that was recorded in the same transaction, and disables the endpoint if it is gone or has
// failed for too long. It returns the record of that. The endpoint is locked. It is not disabled as gone if it has changed since the
// attempt began.
func (s *Store) judge(tx *gorm.DB, endpoint endpointRow, o webhook.Outcome, made *[]webhook.Delivery) (disabled webhook.EndpointChanged, err error) {
	row, err := findHealth(tx, endpoint.OrganizationID, endpoint.ID)
	if err != nil {
		return disabled, err
	}
	at, health, notices := o.Delivery.UpdatedAt, row.health(), row.notices()
	judged := s.currentOperations().rules.Judge(health, notices, o)
	for _, notice := range judged.Notices(endpoint.endpoint(), health, notices, at) {
		if err := s.publishNotice(tx, notice, made); err != nil {
			return disabled, err
		}
	}
	after := judged.Publish(health, notices, at)
	if err := writeNotices(tx, row.noting(after)); err != nil {
		return disabled, err
	}
	gone := o.DisableEndpoint && endpoint.UpdatedAt.Equal(o.EndpointUpdatedAt)
	if endpoint.Status != string(webhook.EndpointActive) || !gone && !judged.Disable {
		return disabled, nil
	}
	reason := webhook.DisabledFailing
	if gone {
		reason = webhook.DisabledGone
	}
	change := webhook.Disabling(webhook.BySystem, reason, at)
	change.Unannounced = o.Operational() && after.AnnouncedSince.IsZero()
	_, disabled, err = s.changeRow(tx, endpoint, change, made)
	return disabled, err
}

func writeNotices(tx *gorm.DB, row healthRow) error {
	return tx.Model(&healthRow{}).Where("organization_id = ? AND endpoint_id = ?", row.OrganizationID, row.EndpointID).
		UpdateColumns(map[string]any{
			"announced_since": row.AnnouncedSince, "exhausted_at": row.ExhaustedAt, "exhausted_since": row.ExhaustedSince, "exhausted_count": row.ExhaustedCount,
		}).Error
}

// publishNotice publishes an operational event to the organization of its endpoint, and to the one that gets all of them. It adds the
// deliveries to made. A deleted organization gets none.
func (s *Store) publishNotice(tx *gorm.DB, notice webhook.Notice, made *[]webhook.Delivery) error {
	organizations := []string{notice.Endpoint.OrganizationID}
	if all := s.currentOperations().rules.Organization; all != "" && all != organizations[0] {
		organizations = append(organizations, all)
	}
	var deleted []string
	err := tx.Model(&organizationRow{}).Where("deleted_at IS NOT NULL").Where(s.oneOf("id", organizations)).Pluck("id", &deleted).Error
	if err != nil {
		return err
	}
	for _, id := range organizations {
		if slices.Contains(deleted, id) {
			continue
		}
		if err := s.publishOperational(tx, notice, id, made); err != nil {
			return err
		}
	}
	return nil
}

// publishOperational publishes an operational event to one organization.
func (s *Store) publishOperational(tx *gorm.DB, notice webhook.Notice, organizationID string, made *[]webhook.Delivery) error {
	event, err := notice.Event(organizationID)
	if err != nil {
		return err
	}
	var rows []endpointRow
	err = activeEndpoints(tx, organizationID).Where("subscribed_event_types LIKE ?", "%"+webhook.ReservedPrefix+"%").Find(&rows).Error
	if err != nil {
		return err
	}
	var deliveries []webhook.Delivery
	for _, endpoint := range endpointsOf(rows) {
		if webhook.Subscribes(endpoint.SubscribedEventTypes, event.Type) {
			deliveries = append(deliveries, webhook.NewDelivery(event, endpoint, event.CreatedAt))
		}
	}
	row := newEventRow(event)
	if err := tx.Create(&row).Error; err != nil {
		return err
	}
	*made = append(*made, deliveries...)
	if err := s.createDeliveries(tx, event.ID, deliveries); err != nil {
		return err
	}
	var counted tallied
	counted.published(webhook.Publication{Event: event, Deliveries: deliveries})
	return counted.insert(tx, s.rowsPerInsert())
}

// PublishExhausted publishes the exhausted deliveries of up to limit endpoints that were counted since their last event, if that is
// webhook.ExhaustedInterval ago. It returns for how many endpoints it did. Concurrent calls publish each count once.
func (s *Store) PublishExhausted(ctx context.Context, now time.Time, limit int) (published int, err error) {
	var due []healthRow
	err = s.db.WithContext(ctx).Where("exhausted_since IS NOT NULL AND exhausted_at <= ?", now.Add(-webhook.ExhaustedInterval).UTC()).
		Order("exhausted_at").Limit(limit).Find(&due).Error
	if err != nil {
		return 0, s.translate("find exhausted deliveries to publish", err)
	}
	for _, row := range due {
		if err := s.publishExhausted(ctx, row, now); err != nil {
			return published, s.translate("publish exhausted deliveries", err)
		}
		published++
	}
	return published, nil
}

// publishExhausted publishes the exhausted deliveries of one endpoint. If the endpoint was deleted, they are forgotten.
func (s *Store) publishExhausted(ctx context.Context, found healthRow, now time.Time) error {
	var made []webhook.Delivery
	err := s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		made = nil
		endpoint, err := s.lockEndpoint(tx, found.OrganizationID, found.EndpointID)
		deleted := webhook.CodeOf(err) == webhook.CodeNotFound
		if err != nil && !deleted {
			return err
		}
		row, err := findHealth(s.locking(tx, forUpdate), found.OrganizationID, found.EndpointID)
		notices := row.notices()
		if err != nil || notices.ExhaustedCount == 0 || now.Sub(notices.ExhaustedAt) < webhook.ExhaustedInterval {
			return err
		}
		if err := writeNotices(tx, row.noting(notices.PublishExhausted(now))); err != nil || deleted {
			return err
		}
		return s.publishNotice(tx, notices.Exhausted(endpoint.endpoint(), row.health(), now), &made)
	})
	if err == nil {
		s.enqueueOperational(ctx, made)
	}
	return err
}
