package store

import (
	"context"
	"encoding/json"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"redrive/pkg/webhook"
)

type eventRow struct {
	ID             string `gorm:"primaryKey"`
	OrganizationID string
	EventType      string
	WorkflowID     string
	RunID          string
	ExecutionID    string
	Data           []byte
	CreatedAt      time.Time `gorm:"autoCreateTime:false"`
}

func (eventRow) TableName() string { return "events" }

func (r eventRow) event() webhook.Event {
	return webhook.Event{
		ID:             r.ID,
		OrganizationID: r.OrganizationID,
		Type:           r.EventType,
		WorkflowID:     r.WorkflowID,
		RunID:          r.RunID,
		ExecutionID:    r.ExecutionID,
		Data:           json.RawMessage(r.Data),
		CreatedAt:      r.CreatedAt.UTC(),
	}
}

func newEventRow(event webhook.Event) eventRow {
	return eventRow{
		ID:             event.ID,
		OrganizationID: event.OrganizationID,
		EventType:      event.Type,
		WorkflowID:     event.WorkflowID,
		RunID:          event.RunID,
		ExecutionID:    event.ExecutionID,
		Data:           event.Data,
		CreatedAt:      event.CreatedAt,
	}
}

// CreateEvent keeps an event and its deliveries, all or nothing.
func (s *Store) CreateEvent(ctx context.Context, event webhook.Event, deliveries []webhook.Delivery) error {
	row := newEventRow(event)
	err := s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		if err := tx.Create(&row).Error; err != nil {
			return err
		}
		return createDeliveries(tx, deliveries)
	})
	return s.translate("create an event", err)
}

// deliveriesPerInsert keeps a statement below PostgreSQL's 65,535 parameters.
const deliveriesPerInsert = 1000

func createDeliveries(tx *gorm.DB, deliveries []webhook.Delivery) error {
	rows := make([]deliveryRow, len(deliveries))
	for i, delivery := range deliveries {
		rows[i] = newDeliveryRow(delivery)
	}
	if len(rows) == 0 {
		return nil
	}
	return tx.Omit(clause.Associations).CreateInBatches(rows, deliveriesPerInsert).Error
}
