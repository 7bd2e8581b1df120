package httpapi

import (
	"context"

	"github.com/labstack/echo/v4"

	"redrive/api-service/internal/apikeys"
	"redrive/pkg/webhook"
)

// APIKeyStore reads API keys.
type APIKeyStore interface {
	FindAPIKey(ctx context.Context, organizationID, id string) (webhook.APIKey, error)
	ListAPIKeysOf(ctx context.Context, organizationID string, page webhook.Page) (webhook.List[webhook.APIKey], error)
}

type apiKeyHandlers struct {
	store  APIKeyStore
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
		wanted.ExpiresAt, err = webhook.ParseTime("expiresAt", *r.ExpiresAt)
	}
	return wanted, err
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
	recordAs(c, func(made webhook.APIKey) (newAPIKeyView, error) { return viewNewAPIKey(made, made.Raw), nil })
	key, raw, err := h.issuer.Create(c.Request().Context(), caller(c), wanted)
	if err != nil {
		return err
	}
	c.Set(subjectInContext, key.ID)
	audited(c, actionKeyCreated, key.ID)
	return ok(c, viewNewAPIKey(key, raw))
}

func (h apiKeyHandlers) list(c echo.Context) error {
	page, err := pageOf(c)
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

// revoke ignores the body, because the body of a DELETE has no meaning (RFC 9110, section 9.3.5).
func (h apiKeyHandlers) revoke(c echo.Context) error {
	id, err := pathID(c, webhook.KindAPIKey)
	if err != nil {
		return err
	}
	descendants, err := boolean(queryOf(c), "descendants", false)
	if err != nil {
		return err
	}
	key, err := h.issuer.Revoke(c.Request().Context(), caller(c), id, descendants)
	if err != nil {
		return err
	}
	audited(c, revocationOf(descendants), id)
	return ok(c, viewAPIKey(key))
}

func revocationOf(descendants bool) string {
	if descendants {
		return "api_key.revoked_with_descendants"
	}
	return "api_key.revoked"
}

type apiKeyView struct {
	ID             string            `json:"id"`
	OrganizationID string            `json:"organizationId"`
	Name           string            `json:"name"`
	Description    string            `json:"description,omitempty"`
	Scope          string            `json:"scope"`
	KeyPrefix      string            `json:"keyPrefix"`
	CreatedBy      string            `json:"createdBy,omitempty"`
	CreatedAt      webhook.Timestamp `json:"createdAt"`
	ExpiresAt      webhook.Timestamp `json:"expiresAt,omitzero"`
	RevokedAt      webhook.Timestamp `json:"revokedAt,omitzero"`
	LastUsedAt     webhook.Timestamp `json:"lastUsedAt,omitzero"`
}

func viewAPIKey(k webhook.APIKey) apiKeyView {
	return apiKeyView{
		ID: k.ID, OrganizationID: k.OrganizationID, Name: k.Name, Description: k.Description, Scope: string(k.Scope),
		KeyPrefix: k.KeyPrefix, CreatedBy: k.CreatedBy, CreatedAt: webhook.Timestamp(k.CreatedAt),
		ExpiresAt: webhook.Timestamp(k.ExpiresAt), RevokedAt: webhook.Timestamp(k.RevokedAt), LastUsedAt: webhook.Timestamp(k.LastUsedAt),
	}
}

func viewNewAPIKey(key webhook.APIKey, raw webhook.Secret) newAPIKeyView {
	return newAPIKeyView{apiKeyView: viewAPIKey(key), Key: raw.Reveal()}
}

// newAPIKeyView is the only answer that shows a raw key.
type newAPIKeyView struct {
	apiKeyView
	Key string `json:"key"`
}
