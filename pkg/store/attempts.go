package store

import (
	"context"
	"time"

	"gorm.io/gorm"

	"redrive/pkg/webhook"
)

type attemptRow struct {
	ID                    string `gorm:"primaryKey"`
	OrganizationID        string
	DeliveryID            string
	Number                int
	StartedAt             time.Time
	DurationMs            int64
	Outcome               string
	RequestHeaders        string
	ResponseStatus        int
	ResponseHeaders       string
	ResponseBody          []byte
	ResponseBodyTruncated bool
	ErrorMessage          string
	ErrorCode             string
	NextRetryAt           *time.Time
}

func (attemptRow) TableName() string { return "attempts" }

func newAttemptRow(a webhook.Attempt) (attemptRow, error) {
	requestHeaders, err := encodeColumn(a.RequestHeaders)
	if err != nil {
		return attemptRow{}, err
	}
	responseHeaders, err := encodeColumn(a.ResponseHeaders)
	if err != nil {
		return attemptRow{}, err
	}
	body := a.ResponseBody
	if body == nil {
		body = []byte{} // nil would be NULL
	}
	return attemptRow{
		ID:                    a.ID,
		OrganizationID:        a.OrganizationID,
		DeliveryID:            a.DeliveryID,
		Number:                a.Number,
		StartedAt:             a.StartedAt,
		DurationMs:            a.Duration.Milliseconds(),
		Outcome:               string(a.Outcome),
		RequestHeaders:        requestHeaders,
		ResponseStatus:        a.ResponseStatus,
		ResponseHeaders:       responseHeaders,
		ResponseBody:          body,
		ResponseBodyTruncated: a.ResponseBodyTruncated,
		ErrorMessage:          a.ErrorMessage,
		ErrorCode:             string(a.ErrorCode),
		NextRetryAt:           nullable(a.NextRetryAt),
	}, nil
}

// attempt returns the attempt, without headers if their column is damaged. One damaged row must not make a list fail.
func (r attemptRow) attempt() webhook.Attempt {
	requestHeaders, _ := decodeColumn[map[string]string](r.RequestHeaders)
	responseHeaders, _ := decodeColumn[map[string]string](r.ResponseHeaders)
	return webhook.Attempt{
		ID:                    r.ID,
		OrganizationID:        r.OrganizationID,
		DeliveryID:            r.DeliveryID,
		Number:                r.Number,
		StartedAt:             r.StartedAt.UTC(),
		Duration:              time.Duration(r.DurationMs) * time.Millisecond,
		Outcome:               webhook.AttemptOutcome(r.Outcome),
		RequestHeaders:        requestHeaders,
		ResponseStatus:        r.ResponseStatus,
		ResponseHeaders:       responseHeaders,
		ResponseBody:          r.ResponseBody,
		ResponseBodyTruncated: r.ResponseBodyTruncated,
		ErrorMessage:          r.ErrorMessage,
		ErrorCode:             webhook.ErrorCode(r.ErrorCode),
		NextRetryAt:           timeOf(r.NextRetryAt),
	}
}

// PageAttempts returns a page of the attempts of one of the organization's deliveries, newest first, with their sizes. ReadAttempts reads
// them.
func (s *Store) PageAttempts(ctx context.Context, organizationID, deliveryID string, page webhook.Page) (webhook.List[webhook.Sized], error) {
	if found, answered, err := onReplica(ctx, s, func(ctx context.Context, r *Store) (webhook.List[webhook.Sized], error) {
		return r.PageAttempts(ctx, organizationID, deliveryID, page)
	}); answered {
		return found, err
	}
	none := webhook.List[webhook.Sized]{}
	var delivery deliveryRow
	one := s.db.WithContext(ctx).Select("id").Where(s.is("id", deliveryID)).Where("organization_id = ?", organizationID)
	err := s.take(one, &delivery)
	if err != nil {
		return none, s.translate("find a delivery", notFound(err, "delivery", deliveryID))
	}
	bytes := "octet_length(request_headers) + octet_length(response_headers)"
	if !page.WithoutBodies {
		bytes += " + octet_length(response_body)"
	}
	query := s.db.WithContext(ctx).Model(&attemptRow{}).Select("id, "+bytes+" AS bytes").
		Where("organization_id = ? AND delivery_id = ?", organizationID, deliveryID)
	if page.After != "" {
		query = query.Where("number < (?)", s.db.Model(&attemptRow{}).Select("number").Where("id = ? AND delivery_id = ?", page.After, deliveryID))
	}
	var found []webhook.Sized
	if err := query.Order("number DESC").Limit(page.Limit + 1).Offset(page.Offset).Find(&found).Error; err != nil {
		return none, s.translate("list the attempts", err)
	}
	return webhook.NewList(found, page, webhook.Sized.Position), nil
}

// ReadAttempts returns the attempts of the organization that have the IDs, newest first. They must be of one delivery. It leaves out
// those that have been purged.
func (s *Store) ReadAttempts(ctx context.Context, organizationID string, ids []string) ([]webhook.Attempt, error) {
	if found, answered, err := onReplica(ctx, s, func(ctx context.Context, r *Store) ([]webhook.Attempt, error) {
		return r.ReadAttempts(ctx, organizationID, ids)
	}); answered {
		return found, err
	}
	return s.readAttempts(s.db.WithContext(ctx), organizationID, ids)
}

// ReadAttemptsWithoutBodies is ReadAttempts without the bodies of the answers.
func (s *Store) ReadAttemptsWithoutBodies(ctx context.Context, organizationID string, ids []string) ([]webhook.Attempt, error) {
	if found, answered, err := onReplica(ctx, s, func(ctx context.Context, r *Store) ([]webhook.Attempt, error) {
		return r.ReadAttemptsWithoutBodies(ctx, organizationID, ids)
	}); answered {
		return found, err
	}
	return s.readAttempts(s.db.WithContext(ctx).Omit("response_body"), organizationID, ids)
}

func (s *Store) readAttempts(query *gorm.DB, organizationID string, ids []string) ([]webhook.Attempt, error) {
	var rows []attemptRow
	err := query.Where("organization_id = ?", organizationID).Where(s.oneOf("id", ids)).Order("number DESC").Find(&rows).Error
	if err != nil {
		return nil, s.translate("read attempts", err)
	}
	attempts := make([]webhook.Attempt, len(rows))
	for i, row := range rows {
		attempts[i] = row.attempt()
	}
	return attempts, nil
}
