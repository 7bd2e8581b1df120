package store

import (
	"context"
	"encoding/json"
	"time"

	"gorm.io/gorm"

	"redrive/pkg/webhook"
)

type deliveryRow struct {
	ID             string `gorm:"primaryKey"`
	OrganizationID string
	EndpointID     string
	EventID        string
	Status         string
	RetryCount     int
	MaxRetries     int
	NextRetryAt    *time.Time
	Revision       int64
	Queue          string
	FailureReason  string
	OrphanCount    int
	AttemptCount   int
	LastAttemptID  string
	CreatedAt      time.Time `gorm:"autoCreateTime:false"`
	UpdatedAt      time.Time `gorm:"autoUpdateTime:false"`

	Endpoint    *endpointRow `gorm:"foreignKey:EndpointID"`
	Event       *eventRow    `gorm:"foreignKey:EventID"`
	LastAttempt *attemptRow  `gorm:"foreignKey:LastAttemptID"`
}

func (deliveryRow) TableName() string { return "deliveries" }

func newDeliveryRow(d webhook.Delivery) deliveryRow {
	return deliveryRow{
		ID:             d.ID,
		OrganizationID: d.OrganizationID,
		EndpointID:     d.EndpointID,
		EventID:        d.EventID,
		Status:         string(d.Status),
		RetryCount:     d.RetryCount,
		MaxRetries:     d.MaxRetries,
		NextRetryAt:    nullable(d.NextRetryAt),
		Revision:       d.Revision,
		Queue:          d.Queue,
		FailureReason:  string(d.FailureReason),
		OrphanCount:    d.OrphanCount,
		LastAttemptID:  d.LastAttemptID,
		CreatedAt:      d.CreatedAt,
		UpdatedAt:      d.UpdatedAt,
	}
}

func (r deliveryRow) delivery() webhook.Delivery {
	return webhook.Delivery{
		ID:             r.ID,
		OrganizationID: r.OrganizationID,
		EndpointID:     r.EndpointID,
		EventID:        r.EventID,
		Status:         webhook.Status(r.Status),
		RetryCount:     r.RetryCount,
		MaxRetries:     r.MaxRetries,
		NextRetryAt:    timeOf(r.NextRetryAt),
		Revision:       r.Revision,
		Queue:          r.Queue,
		FailureReason:  webhook.FailureReason(r.FailureReason),
		OrphanCount:    r.OrphanCount,
		LastAttemptID:  r.LastAttemptID,
		CreatedAt:      r.CreatedAt.UTC(),
		UpdatedAt:      r.UpdatedAt.UTC(),
	}
}

// record expects Event and LastAttempt joined. Either can be gone: only an operator can have removed it, and the rest is shown.
func (r deliveryRow) record() webhook.Record {
	record := webhook.Record{Delivery: r.delivery(), Event: r.eventOrNone()}
	if r.LastAttempt != nil && r.LastAttempt.ID != "" {
		attempt := r.LastAttempt.attempt()
		record.LastAttempt = &attempt
	}
	return record
}

// eventOrNone is the joined event, or one without type and data in the place of an event that is gone.
func (r deliveryRow) eventOrNone() webhook.Event {
	if r.Event == nil {
		return webhook.Event{ID: r.EventID, OrganizationID: r.OrganizationID, Data: json.RawMessage("null"), CreatedAt: r.CreatedAt.UTC()}
	}
	return r.Event.event()
}

// records is the query for deliveries as they are shown.
func (s *Store) records(ctx context.Context, organizationID string) *gorm.DB {
	return s.db.WithContext(ctx).Joins("Event").Joins("LastAttempt").Where("deliveries.organization_id = ?", organizationID)
}

// CreateDelivery keeps one more delivery of an event that is on record: a replay.
func (s *Store) CreateDelivery(ctx context.Context, d webhook.Delivery) error {
	err := s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		if err := s.keepEvent(tx, d.EventID); err != nil {
			return err
		}
		return s.createDeliveries(tx, d.EventID, []webhook.Delivery{d})
	})
	return s.translate("create a delivery", err)
}

// FindDelivery returns one delivery of the organization as it is shown.
func (s *Store) FindDelivery(ctx context.Context, organizationID, id string) (webhook.Record, error) {
	var row deliveryRow
	if err := s.records(ctx, organizationID).Where("deliveries.id = ?", id).Take(&row).Error; err != nil {
		return webhook.Record{}, s.translate("find a delivery", notFound(err, "delivery", id))
	}
	return row.record(), nil
}

// ListDeliveries returns a page of the organization's deliveries, newest first, of one endpoint if endpointID is not empty.
// It finds the page in an index, and reads events and attempts of what it shows alone.
func (s *Store) ListDeliveries(ctx context.Context, organizationID, endpointID string, page webhook.Page) (webhook.List[webhook.Record], error) {
	none := webhook.List[webhook.Record]{}
	query := s.db.WithContext(ctx).Model(&deliveryRow{}).Where("organization_id = ?", organizationID)
	if endpointID != "" {
		query = query.Where("endpoint_id = ?", endpointID)
	}
	var found []string
	if err := query.Order("id DESC").Limit(page.Limit+1).Offset(page.Offset).Pluck("id", &found).Error; err != nil {
		return none, s.translate("list the deliveries", err)
	}
	ids := webhook.NewList(found, page)
	var rows []deliveryRow
	err := s.records(ctx, organizationID).Where(s.oneOf("deliveries.id", ids.Items)).Order("deliveries.id DESC").Find(&rows).Error
	if err != nil {
		return none, s.translate("read a page of deliveries", err)
	}
	records := webhook.List[webhook.Record]{Items: make([]webhook.Record, len(rows)), HasMore: ids.HasMore}
	for i, row := range rows {
		records.Items[i] = row.record()
	}
	return records, nil
}

// RetryDelivery requeues a delivery that has ended in failure, as webhook.Delivery.Retried says, in one guarded statement:
// of any number of concurrent callers one changes the row, the others get webhook.ErrDeliveryNotFailed. A delivery to a
// disabled endpoint gets webhook.ErrEndpointDisabled.
func (s *Store) RetryDelivery(ctx context.Context, organizationID, id string, now time.Time) (webhook.Record, error) {
	for {
		requeued, won, err := s.requeue(ctx, organizationID, id, now)
		if err != nil {
			return webhook.Record{}, s.translate("retry a delivery", err)
		}
		record, err := s.FindDelivery(ctx, organizationID, id)
		if err != nil {
			return webhook.Record{}, err
		}
		if won {
			record.Delivery = requeued // the row may have moved on already; the caller is shown what it did
			return record, nil
		}
		if record.Delivery.Status != webhook.StatusFailure {
			return webhook.Record{}, webhook.ErrDeliveryNotFailed
		}
		endpoint, err := s.FindEndpoint(ctx, organizationID, record.Delivery.EndpointID)
		if err != nil {
			return webhook.Record{}, err
		}
		if endpoint.Status == webhook.EndpointDisabled {
			return webhook.Record{}, webhook.ErrEndpointDisabled
		}
		// It became retryable between the two statements: try again.
	}
}

func (s *Store) requeue(ctx context.Context, organizationID, id string, now time.Time) (requeued webhook.Delivery, won bool, err error) {
	active := s.db.Model(&endpointRow{}).Select("1").Where("endpoints.id = deliveries.endpoint_id AND endpoints.status = ?", webhook.EndpointActive)
	var row deliveryRow
	update := s.db.WithContext(ctx).Model(&row).Clauses(returning(&row)).
		Where("id = ? AND organization_id = ? AND status = ? AND EXISTS (?)", id, organizationID, webhook.StatusFailure, active).
		UpdateColumns(map[string]any{
			"status":         webhook.StatusPending,
			"retry_count":    0,
			"next_retry_at":  s.dueAt(now),
			"failure_reason": "",
			"orphan_count":   0,
			"revision":       gorm.Expr("revision + 1"),
			"updated_at":     now,
		})
	return row.delivery(), update.RowsAffected == 1, update.Error
}
