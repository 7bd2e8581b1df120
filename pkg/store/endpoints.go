package store

import (
	"context"
	"strings"
	"time"

	"gorm.io/gorm"

	"redrive/pkg/webhook"
)

type endpointRow struct {
	ID                   string `gorm:"primaryKey"`
	OrganizationID       string
	Name                 string
	URL                  string
	Description          string
	SubscribedEventTypes string
	MaxRetries           int
	RateLimit            int
	Headers              string
	TimeoutSeconds       int
	RetrySchedule        string
	Payload              string
	SignatureHeader      string
	Metadata             string
	Status               string
	DisabledAt           *time.Time
	DisabledReason       string
	PausedAt             *time.Time
	DeletedAt            *time.Time
	SigningSecrets       []byte
	CreatedBy            string
	CreatedAt            time.Time `gorm:"autoCreateTime:false"`
	UpdatedAt            time.Time `gorm:"autoUpdateTime:false"`
}

func (endpointRow) TableName() string { return "endpoints" }

// unreadableSubscription replaces the subscriptions of a damaged column. No event has this type. An empty list would match every event.
const unreadableSubscription = "redrive.unreadable"

// endpoint returns the endpoint without signing secrets and header values, which are opened only to send or to rotate. A damaged column does
// not make the read fail: the endpoint then matches no event, or has no headers, no metadata or no schedule of its own.
func (r endpointRow) endpoint() webhook.Endpoint {
	subscriptions, err := decodeColumn[[]string](r.SubscribedEventTypes)
	if err != nil {
		subscriptions = []string{unreadableSubscription}
	}
	headers, _ := r.sealedHeaders()
	schedule, _ := optionalColumn[[]int](r.RetrySchedule, "[]")
	metadata, _ := optionalColumn[map[string]string](r.Metadata, "{}")
	return webhook.Endpoint{
		ID:                   r.ID,
		OrganizationID:       r.OrganizationID,
		Name:                 r.Name,
		URL:                  r.URL,
		Description:          r.Description,
		SubscribedEventTypes: subscriptions,
		MaxRetries:           r.MaxRetries,
		RateLimit:            r.RateLimit,
		Headers:              headers.names(),
		TimeoutSeconds:       r.TimeoutSeconds,
		RetrySchedule:        schedule,
		Payload:              webhook.Payload(r.Payload),
		SignatureHeader:      r.SignatureHeader,
		Metadata:             metadata,
		Status:               webhook.EndpointStatus(r.Status),
		DisabledAt:           timeOf(r.DisabledAt),
		DisabledReason:       webhook.DisabledReason(r.DisabledReason),
		PausedAt:             timeOf(r.PausedAt),
		DeletedAt:            timeOf(r.DeletedAt),
		CreatedBy:            r.CreatedBy,
		CreatedAt:            r.CreatedAt.UTC(),
		UpdatedAt:            r.UpdatedAt.UTC(),
	}
}

func endpointsOf(rows []endpointRow) []webhook.Endpoint {
	endpoints := make([]webhook.Endpoint, len(rows))
	for i, row := range rows {
		endpoints[i] = row.endpoint()
	}
	return endpoints
}

// FindEndpoint returns one endpoint of the organization, without signing secrets and header values.
func (s *Store) FindEndpoint(ctx context.Context, organizationID, id string) (webhook.Endpoint, error) {
	row, err := s.findEndpointRow(ctx, organizationID, id)
	if err != nil {
		return webhook.Endpoint{}, err
	}
	endpoint := row.endpoint()
	err = s.addHealth(s.db.WithContext(ctx), organizationID, &endpoint)
	return endpoint, s.translate("find an endpoint's health", err)
}

func (s *Store) findEndpointRow(ctx context.Context, organizationID, id string) (endpointRow, error) {
	var row endpointRow
	err := s.db.WithContext(ctx).Where("id = ? AND organization_id = ? AND deleted_at IS NULL", id, organizationID).Take(&row).Error
	return row, s.translate("find an endpoint", notFound(err, "endpoint", id))
}

// CheckEndpoint returns not_found unless the organization has the endpoint, which may be deleted.
func (s *Store) CheckEndpoint(ctx context.Context, organizationID, id string) error {
	var row endpointRow
	err := s.db.WithContext(ctx).Select("id").Where("id = ? AND organization_id = ?", id, organizationID).Take(&row).Error
	return s.translate("find an endpoint", notFound(err, "endpoint", id))
}

// ListEndpoints returns a page of the endpoints that the filter selects, newest first, without signing secrets and header values.
func (s *Store) ListEndpoints(ctx context.Context, f webhook.EndpointFilter, page webhook.Page) (webhook.List[webhook.Endpoint], error) {
	if found, answered, err := onReplica(ctx, s, func(ctx context.Context, r *Store) (webhook.List[webhook.Endpoint], error) {
		return r.ListEndpoints(ctx, f, page)
	}); answered {
		return found, err
	}
	var rows []endpointRow
	query := s.db.WithContext(ctx).Omit("signing_secrets").Where("organization_id = ? AND deleted_at IS NULL", f.OrganizationID)
	if f.Status != "" {
		query = query.Where("status = ?", f.Status)
	}
	if f.Failing {
		query = query.Where(failingEndpoint)
	}
	if f.Prefix != "" {
		query = beginning(query, f.Prefix)
	}
	err := newestFirst(query, page).Find(&rows).Error
	if err != nil {
		return webhook.List[webhook.Endpoint]{}, s.translate("list the endpoints", err)
	}
	list := webhook.NewList(endpointsOf(rows), page, func(e webhook.Endpoint) string { return e.ID })
	shown := make([]*webhook.Endpoint, len(list.Items))
	for i := range list.Items {
		shown[i] = &list.Items[i]
	}
	err = s.addHealth(s.db.WithContext(ctx), f.OrganizationID, shown...)
	return list, s.translate("list the health of endpoints", err)
}

// beginning restricts a query to endpoints whose name or host begins with a text. SQLite lowers only ASCII, so that the text is also
// compared as it is.
func beginning(query *gorm.DB, text string) *gorm.DB {
	lower := beginningWith(strings.ToLower(text))
	condition := `lower(name) LIKE ? ESCAPE '\' OR name LIKE ? ESCAPE '\'`
	values := []any{lower, beginningWith(text)}
	if !strings.ContainsAny(text, "/?#") { // these end a host
		condition += ` OR lower(url) LIKE ? ESCAPE '\' OR lower(url) LIKE ? ESCAPE '\'`
		values = append(values, "https://"+lower, "http://"+lower)
	}
	return query.Where("("+condition+")", values...)
}

// ListActiveEndpoints returns all active endpoints of the organization, without signing secrets and headers. A publish matches them against
// the event's type.
func (s *Store) ListActiveEndpoints(ctx context.Context, organizationID string) ([]webhook.Endpoint, error) {
	var rows []endpointRow
	if err := activeEndpoints(s.db.WithContext(ctx), organizationID).Find(&rows).Error; err != nil {
		return nil, s.translate("list the active endpoints", err)
	}
	return endpointsOf(rows), nil
}

// activeEndpoints returns the query of ListActiveEndpoints.
func activeEndpoints(db *gorm.DB, organizationID string) *gorm.DB {
	return db.Omit("signing_secrets", "headers").
		Where("organization_id = ? AND status = ? AND deleted_at IS NULL", organizationID, webhook.EndpointActive).Order("id")
}
