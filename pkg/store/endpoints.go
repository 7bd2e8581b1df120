package store

import (
	"context"
	"errors"
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
	Status               string
	DisabledAt           *time.Time
	SigningSecrets       []byte
	CreatedBy            string
	CreatedAt            time.Time `gorm:"autoCreateTime:false"`
	UpdatedAt            time.Time `gorm:"autoUpdateTime:false"`
}

func (endpointRow) TableName() string { return "endpoints" }

// unreadableSubscription replaces the subscriptions of a damaged column. No event has this type. An empty list would match every event.
const unreadableSubscription = "redrive.unreadable"

// endpoint returns the endpoint without signing secrets and header values, which are opened only to send or to rotate. A damaged column does
// not make the read fail: the endpoint then matches no event, or has no headers.
func (r endpointRow) endpoint() webhook.Endpoint {
	subscriptions, err := decodeColumn[[]string](r.SubscribedEventTypes)
	if err != nil {
		subscriptions = []string{unreadableSubscription}
	}
	headers, _ := r.sealedHeaders()
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
		Status:               webhook.EndpointStatus(r.Status),
		DisabledAt:           timeOf(r.DisabledAt),
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

// CreateEndpoint inserts an endpoint. It seals the signing secrets and the values of the headers.
func (s *Store) CreateEndpoint(ctx context.Context, e webhook.Endpoint) error {
	subscriptions := e.SubscribedEventTypes
	if subscriptions == nil {
		subscriptions = []string{}
	}
	encoded, err := encodeColumn(subscriptions)
	if err != nil {
		return err
	}
	sealed, err := s.sealSecrets(e.ID, e.SigningSecrets)
	if err != nil {
		return err
	}
	headers, err := s.sealHeaders(e.ID, e.Headers)
	if err != nil {
		return err
	}
	row := endpointRow{
		ID:                   e.ID,
		OrganizationID:       e.OrganizationID,
		Name:                 e.Name,
		URL:                  e.URL,
		Description:          e.Description,
		SubscribedEventTypes: encoded,
		MaxRetries:           e.MaxRetries,
		RateLimit:            e.RateLimit,
		Headers:              headers,
		Status:               string(e.Status),
		DisabledAt:           nullable(e.DisabledAt),
		SigningSecrets:       sealed,
		CreatedBy:            e.CreatedBy,
		CreatedAt:            e.CreatedAt,
		UpdatedAt:            e.UpdatedAt,
	}
	return s.translate("create an endpoint", s.db.WithContext(ctx).Create(&row).Error)
}

// FindEndpoint returns one endpoint of the organization, without signing secrets and header values.
func (s *Store) FindEndpoint(ctx context.Context, organizationID, id string) (webhook.Endpoint, error) {
	row, err := s.findEndpointRow(ctx, organizationID, id)
	if err != nil {
		return webhook.Endpoint{}, err
	}
	return row.endpoint(), nil
}

func (s *Store) findEndpointRow(ctx context.Context, organizationID, id string) (endpointRow, error) {
	var row endpointRow
	err := s.db.WithContext(ctx).Where("id = ? AND organization_id = ?", id, organizationID).Take(&row).Error
	return row, s.translate("find an endpoint", notFound(err, "endpoint", id))
}

// ListEndpoints returns a page of the organization's endpoints, newest first, without signing secrets and header values.
func (s *Store) ListEndpoints(ctx context.Context, organizationID string, page webhook.Page) (webhook.List[webhook.Endpoint], error) {
	var rows []endpointRow
	err := s.db.WithContext(ctx).Omit("signing_secrets").Where("organization_id = ?", organizationID).
		Order("id DESC").Limit(page.Limit + 1).Offset(page.Offset).Find(&rows).Error
	if err != nil {
		return webhook.List[webhook.Endpoint]{}, s.translate("list the endpoints", err)
	}
	return webhook.NewList(endpointsOf(rows), page), nil
}

// ListActiveEndpoints returns all active endpoints of the organization, without signing secrets and headers. A publish matches them against
// the event's type.
func (s *Store) ListActiveEndpoints(ctx context.Context, organizationID string) ([]webhook.Endpoint, error) {
	var rows []endpointRow
	err := s.db.WithContext(ctx).Omit("signing_secrets", "headers").
		Where("organization_id = ? AND status = ?", organizationID, webhook.EndpointActive).Order("id").Find(&rows).Error
	if err != nil {
		return nil, s.translate("list the active endpoints", err)
	}
	return endpointsOf(rows), nil
}

// SetEndpointStatus enables or disables an endpoint and returns it. It does not change an endpoint that has the status already.
func (s *Store) SetEndpointStatus(ctx context.Context, organizationID, id string, status webhook.EndpointStatus, now time.Time) (webhook.Endpoint, error) {
	err := setEndpointStatus(s.db.WithContext(ctx), id, status, now, "organization_id = ?", organizationID)
	if err != nil {
		return webhook.Endpoint{}, s.translate("set an endpoint's status", err)
	}
	return s.FindEndpoint(ctx, organizationID, id)
}

func setEndpointStatus(tx *gorm.DB, id string, status webhook.EndpointStatus, now time.Time, scope string, args ...any) error {
	var disabledAt *time.Time
	if status == webhook.EndpointDisabled {
		disabledAt = nullable(now)
	}
	return tx.Model(&endpointRow{}).Where("id = ? AND status <> ?", id, status).Where(scope, args...).
		UpdateColumns(map[string]any{"status": status, "disabled_at": disabledAt, "updated_at": now}).Error
}

// errSecretsMoved means that the secrets were rotated between the read and the write.
var errSecretsMoved = errors.New("the signing secrets were rotated meanwhile")

// RotateSecret makes a secret the endpoint's current one and returns the endpoint without its secrets. The previous secrets sign for the
// overlap. It returns an error and changes nothing if too many secrets would sign.
func (s *Store) RotateSecret(ctx context.Context, organizationID, id string, secret webhook.Secret, overlap time.Duration, now time.Time) (webhook.Endpoint, error) {
	for {
		endpoint, err := s.rotateSecret(ctx, organizationID, id, secret, overlap, now)
		if !errors.Is(err, errSecretsMoved) {
			return endpoint, s.translate("rotate a signing secret", err)
		}
	}
}

func (s *Store) rotateSecret(ctx context.Context, organizationID, id string, secret webhook.Secret, overlap time.Duration, now time.Time) (webhook.Endpoint, error) {
	row, err := s.findEndpointRow(ctx, organizationID, id)
	if err != nil {
		return webhook.Endpoint{}, err
	}
	endpoint, err := s.endpointToSend(row)
	if err != nil {
		return webhook.Endpoint{}, err
	}
	secrets, err := endpoint.RotatedSecrets(secret, overlap, now)
	if err != nil {
		return webhook.Endpoint{}, err
	}
	sealed, err := s.sealSecrets(id, secrets)
	if err != nil {
		return webhook.Endpoint{}, err
	}
	var rotated endpointRow
	update := s.db.WithContext(ctx).Model(&rotated).Clauses(returning(&rotated)).
		Where("id = ? AND organization_id = ? AND signing_secrets = ?", id, organizationID, row.SigningSecrets).
		UpdateColumns(map[string]any{"signing_secrets": sealed, "updated_at": now})
	switch {
	case update.Error != nil:
		return webhook.Endpoint{}, update.Error
	case update.RowsAffected == 0:
		return webhook.Endpoint{}, errSecretsMoved
	}
	return rotated.endpoint(), nil
}
