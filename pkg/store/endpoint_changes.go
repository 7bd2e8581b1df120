package store

import (
	"context"
	"encoding/json"
	"time"

	"gorm.io/gorm"

	"redrive/pkg/webhook"
)

type endpointChangeRow struct {
	ID             string `gorm:"primaryKey"`
	OrganizationID string
	EndpointID     string
	ChangedAt      time.Time
	Change         string
	ChangedBy      string
	Reason         string
	BeforeFields   string
	AfterFields    string
}

func (endpointChangeRow) TableName() string { return "endpoint_changes" }

// recordChange appends the record of a change. tx is the transaction of the change.
func recordChange(tx *gorm.DB, c webhook.EndpointChanged) error {
	return tx.Create(&endpointChangeRow{
		ID: c.ID, OrganizationID: c.OrganizationID, EndpointID: c.EndpointID, ChangedAt: c.At, Change: string(c.Change), ChangedBy: c.By,
		Reason: c.Reason, BeforeFields: string(c.Before), AfterFields: string(c.After),
	}).Error
}

func (r endpointChangeRow) change() webhook.EndpointChanged {
	return webhook.EndpointChanged{
		ID: r.ID, OrganizationID: r.OrganizationID, EndpointID: r.EndpointID, At: r.ChangedAt.UTC(), Change: webhook.ChangeKind(r.Change),
		By: r.ChangedBy, Reason: r.Reason, Before: json.RawMessage(r.BeforeFields), After: json.RawMessage(r.AfterFields),
	}
}

// ListEndpointChanges returns a page of the changes that the filter selects, newest first. A change of an endpoint that was deleted is listed
// as long as the endpoint's row exists.
func (s *Store) ListEndpointChanges(ctx context.Context, f webhook.ChangeFilter, page webhook.Page) (webhook.List[webhook.EndpointChanged], error) {
	if found, answered, err := onReplica(ctx, s, func(ctx context.Context, r *Store) (webhook.List[webhook.EndpointChanged], error) {
		return r.ListEndpointChanges(ctx, f, page)
	}); answered {
		return found, err
	}
	query := s.db.WithContext(ctx).Where("organization_id = ?", f.OrganizationID)
	if f.EndpointID != "" {
		query = query.Where("endpoint_id = ?", f.EndpointID)
	}
	if f.By != "" {
		query = changedBy(query, f.By)
	}
	if !f.From.IsZero() { // the ID narrows the scan of the index
		query = query.Where("changed_at >= ? AND id >= ?", f.From, webhook.FirstID(webhook.KindChange, f.From))
	}
	if !f.To.IsZero() {
		query = query.Where("changed_at < ? AND id < ?", f.To, webhook.FirstID(webhook.KindChange, f.To.Add(time.Millisecond)))
	}
	var rows []endpointChangeRow
	if err := newestFirst(query, page).Find(&rows).Error; err != nil {
		return webhook.List[webhook.EndpointChanged]{}, s.translate("list the changes of endpoints", err)
	}
	changes := make([]webhook.EndpointChanged, len(rows))
	for i, row := range rows {
		changes[i] = row.change()
	}
	return webhook.NewList(changes, page, func(c webhook.EndpointChanged) string { return c.ID }), nil
}

// changedBy restricts a query to the changes of an author. The ID of a console session selects its changes with every subject. They were made
// in the longest life of a session, which bounds the scan of the index.
func changedBy(query *gorm.DB, author string) *gorm.DB {
	if kind, known := webhook.KindOf(author); !known || kind != webhook.KindConsoleSession {
		return query.Where("changed_by = ?", author)
	}
	created, _ := webhook.TimeOfID(author)
	return query.Where(`(changed_by = ? OR changed_by LIKE ? ESCAPE '\')`, author, beginningWith(webhook.ActorPrefix(author))).
		Where("id >= ? AND id < ?", webhook.FirstID(webhook.KindChange, created.Add(-clockSlack)),
			webhook.FirstID(webhook.KindChange, created.Add(webhook.MaxConsoleSpan+clockSlack)))
}

// clockSlack is more than the clocks of two processes differ.
const clockSlack = time.Hour
