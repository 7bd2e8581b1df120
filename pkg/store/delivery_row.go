package store

import (
	"encoding/json"
	"time"

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
	Priority       webhook.Priority
	Test           bool
	Requeued       bool
	FailureReason  string
	OrphanCount    int
	AttemptCount   int
	LastAttemptID  string
	ReplayOf       string
	BulkJobID      string
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
		Priority:       d.Priority,
		Test:           d.Test,
		Requeued:       d.Requeued,
		FailureReason:  string(d.FailureReason),
		OrphanCount:    d.OrphanCount,
		LastAttemptID:  d.LastAttemptID,
		ReplayOf:       d.ReplayOf,
		BulkJobID:      d.BulkJobID,
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
		Priority:       r.Priority,
		Test:           r.Test,
		Requeued:       r.Requeued,
		FailureReason:  webhook.FailureReason(r.FailureReason),
		OrphanCount:    r.OrphanCount,
		LastAttemptID:  r.LastAttemptID,
		ReplayOf:       r.ReplayOf,
		BulkJobID:      r.BulkJobID,
		CreatedAt:      r.CreatedAt.UTC(),
		UpdatedAt:      r.UpdatedAt.UTC(),
	}
}

// record returns the delivery with its event and its last attempt, which must be joined. Only an operator can have removed either of
// them from the database; record returns the rest then.
func (r deliveryRow) record() webhook.Record {
	record := webhook.Record{Delivery: r.delivery(), Event: r.eventOrNone()}
	if r.LastAttempt != nil && r.LastAttempt.ID != "" {
		attempt := r.LastAttempt.attempt()
		record.LastAttempt = &attempt
	}
	return record
}

// eventOrNone returns the joined event. If the event is no longer in the database, it returns an event without type and data.
func (r deliveryRow) eventOrNone() webhook.Event {
	if r.Event == nil {
		return webhook.Event{ID: r.EventID, OrganizationID: r.OrganizationID, Data: json.RawMessage("null"), CreatedAt: r.CreatedAt.UTC()}
	}
	return r.Event.event()
}
