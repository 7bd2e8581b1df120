package store

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"gorm.io/gorm"

	"redrive/pkg/webhook"
)

type eventTypeRow struct {
	Name        string `gorm:"primaryKey"`
	Description string
	Sample      []byte
	Deprecated  bool
	CreatedAt   time.Time `gorm:"autoCreateTime:false"`
	UpdatedAt   time.Time `gorm:"autoUpdateTime:false"`
}

func (eventTypeRow) TableName() string { return "event_types" }

func (r eventTypeRow) eventType() webhook.EventType {
	return webhook.EventType{
		Name: r.Name, Description: r.Description, Sample: json.RawMessage(r.Sample), Deprecated: r.Deprecated,
		CreatedAt: r.CreatedAt.UTC(), UpdatedAt: r.UpdatedAt.UTC(),
	}
}

// FindEventType returns an entry of the catalogue of event types.
func (s *Store) FindEventType(ctx context.Context, name string) (webhook.EventType, error) {
	var row eventTypeRow
	err := s.db.WithContext(ctx).Where("name = ?", name).Take(&row).Error
	if err != nil {
		return webhook.EventType{}, s.translate("find an event type", noEventType(err, name))
	}
	return row.eventType(), nil
}

func noEventType(err error, name string) error {
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return webhook.EventTypeNotFound(name)
	}
	return err
}

// ListEventTypes returns a page of the catalogue in the order of the names.
func (s *Store) ListEventTypes(ctx context.Context, page webhook.Page) (webhook.List[webhook.EventType], error) {
	var rows []eventTypeRow
	err := s.db.WithContext(ctx).Where("name > ?", page.After).Order("name").Limit(page.Limit + 1).Find(&rows).Error
	if err != nil {
		return webhook.List[webhook.EventType]{}, s.translate("list the event types", err)
	}
	types := make([]webhook.EventType, len(rows))
	for i, row := range rows {
		types[i] = row.eventType()
	}
	return webhook.NewList(types, page, func(t webhook.EventType) string { return t.Name }), nil
}

// PutEventType creates an entry of the catalogue or changes it. Concurrent changes of different fields are both kept.
func (s *Store) PutEventType(ctx context.Context, name string, change webhook.EventTypeChange, now time.Time) (t webhook.EventType, err error) {
	err = s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		created := eventTypeRow{Name: name, CreatedAt: now, UpdatedAt: now}
		if err := tx.Clauses(onConflictNothing).Create(&created).Error; err != nil {
			return err
		}
		var row eventTypeRow
		if err := s.locking(tx, forUpdate).Where("name = ?", name).Take(&row).Error; err != nil {
			return noEventType(err, name)
		}
		t = change.Apply(row.eventType())
		t.UpdatedAt = now
		return tx.Model(&eventTypeRow{}).Where("name = ?", name).UpdateColumns(map[string]any{
			"description": t.Description, "sample": []byte(t.Sample), "deprecated": t.Deprecated, "updated_at": now,
		}).Error
	})
	return t, s.translate("put an event type", err)
}

// DeleteEventType removes an entry of the catalogue and returns it. Events of the type are not changed.
func (s *Store) DeleteEventType(ctx context.Context, name string) (webhook.EventType, error) {
	var row eventTypeRow
	deleted := s.db.WithContext(ctx).Clauses(returning(&row)).Where("name = ?", name).Delete(&row)
	if deleted.Error == nil && deleted.RowsAffected == 0 {
		return webhook.EventType{}, webhook.EventTypeNotFound(name)
	}
	return row.eventType(), s.translate("delete an event type", deleted.Error)
}
