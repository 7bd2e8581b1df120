package httpapi

import (
	"context"
	"time"

	"github.com/labstack/echo/v4"

	"redrive/api-service/internal/apikeys"
	"redrive/pkg/webhook"
)

type apiKeyStore interface {
	FindAPIKey(ctx context.Context, organizationID, id string) (webhook.APIKey, error)
	ListAPIKeysOf(ctx context.Context, organizationID string, page webhook.Page) (webhook.List[webhook.APIKey], error)
}

type apiKeyHandlers struct {
	store  apiKeyStore
	issuer *apikeys.Issuer
}

type createAPIKeyRequest struct {
	Name        string         `json:"name"`
	Description string         `json:"description"`
	Scope       *webhook.Scope `json:"scope"`
	ExpiresAt   *string        `json:"expiresAt"`
}

func (r createAPIKeyRequest) wanted() (apikeys.Request, error) {
	wanted := apikeys.Request{Name: r.Name, Description: r.Description, Scope: webhook.ScopeRead}
	if r.Scope != nil {
		wanted.Scope = *r.Scope
	}
	var err error
	if r.ExpiresAt != nil {
		wanted.ExpiresAt, err = parseTime("expiresAt", *r.ExpiresAt)
	}
	return wanted, err
}

// parseTime reads a time as it will be kept: in UTC, in whole microseconds, and in a year that can be written down again.
func parseTime(field, text string) (time.Time, error) {
	at, err := time.Parse(time.RFC3339, text)
	at = at.UTC().Truncate(time.Microsecond)
	if err != nil || at.Year() > 9999 || at.Year() < 1 || at.IsZero() {
		return time.Time{}, webhook.Invalid("invalid_time", field, field+" must be a time such as 2030-01-31T23:59:59Z (RFC 3339)")
	}
	return at, nil
}

func (h apiKeyHandlers) create(c echo.Context) error {
	request, err := decode[createAPIKeyRequest](c)
	if err != nil {
		return err
	}
	wanted, err := request.wanted()
	if err != nil {
		return err
	}
	key, raw, err := h.issuer.Create(c.Request().Context(), caller(c), wanted)
	if err != nil {
		return err
	}
	c.Set(subjectInContext, key.ID)
	return ok(c, newAPIKeyView{apiKeyView: viewAPIKey(key), Key: raw.Reveal()})
}

func (h apiKeyHandlers) list(c echo.Context) error {
	query, err := queryOf(c)
	if err != nil {
		return err
	}
	page, err := pageOf(query)
	if err != nil {
		return err
	}
	list, err := h.store.ListAPIKeysOf(c.Request().Context(), caller(c).OrganizationID, page)
	if err != nil {
		return err
	}
	return okPage(c, list, page, func(key webhook.APIKey) (apiKeyView, error) { return viewAPIKey(key), nil })
}

func (h apiKeyHandlers) get(c echo.Context) error {
	id, err := pathID(c, webhook.KindAPIKey)
	if err != nil {
		return err
	}
	key, err := h.store.FindAPIKey(c.Request().Context(), caller(c).OrganizationID, id)
	if err != nil {
		return err
	}
	return ok(c, viewAPIKey(key))
}

// revoke does not look at a body: that of a DELETE has no meaning (RFC 9110, 9.3.5).
func (h apiKeyHandlers) revoke(c echo.Context) error {
	id, err := pathID(c, webhook.KindAPIKey)
	if err != nil {
		return err
	}
	key, err := h.issuer.Revoke(c.Request().Context(), caller(c), id)
	if err != nil {
		return err
	}
	return ok(c, viewAPIKey(key))
}

type apiKeyView struct {
	ID             string    `json:"id"`
	OrganizationID string    `json:"organizationId"`
	Name           string    `json:"name"`
	Description    string    `json:"description,omitempty"`
	Scope          string    `json:"scope"`
	KeyPrefix      string    `json:"keyPrefix"`
	CreatedBy      string    `json:"createdBy,omitempty"`
	CreatedAt      time.Time `json:"createdAt"`
	ExpiresAt      time.Time `json:"expiresAt,omitzero"`
	RevokedAt      time.Time `json:"revokedAt,omitzero"`
	LastUsedAt     time.Time `json:"lastUsedAt,omitzero"`
}

func viewAPIKey(k webhook.APIKey) apiKeyView {
	return apiKeyView{
		ID: k.ID, OrganizationID: k.OrganizationID, Name: k.Name, Description: k.Description, Scope: string(k.Scope),
		KeyPrefix: k.KeyPrefix, CreatedBy: k.CreatedBy, CreatedAt: k.CreatedAt,
		ExpiresAt: k.ExpiresAt, RevokedAt: k.RevokedAt, LastUsedAt: k.LastUsedAt,
	}
}

// newAPIKeyView is the one answer that shows a raw key.
type newAPIKeyView struct {
	apiKeyView
	Key string `json:"key"`
}
