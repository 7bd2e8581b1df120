package store

import (
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

	omitted int64 // size of data that was not read
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

// rowsPerInsert is the largest number of rows of one INSERT. It keeps a statement below PostgreSQL's 65,535 parameters. The driver of SQLite
// searches all parameters for each of them, so that one statement for 1,000 rows takes ten times longer than ten statements for 100.
func (s *Store) rowsPerInsert() int {
	if s.dialect.Postgres {
		return 1000
	}
	return 100
}

func (s *Store) createDeliveries(tx *gorm.DB, eventID string, deliveries []webhook.Delivery) error {
	rows := make([]deliveryRow, len(deliveries))
	var latest time.Time
	for i, delivery := range deliveries {
		rows[i] = newDeliveryRow(delivery)
		if delivery.NextRetryAt.After(latest) {
			latest = delivery.NextRetryAt
		}
	}
	if len(rows) == 0 {
		return nil
	}
	if err := s.insertDeliveryRows(tx, rows); err != nil {
		return err
	}
	return s.dueByNow(tx, eventID, latest)
}

func (s *Store) insertDeliveryRows(tx *gorm.DB, rows []deliveryRow) error {
	return tx.Omit(clause.Associations).CreateInBatches(rows, s.rowsPerInsert()).Error
}
