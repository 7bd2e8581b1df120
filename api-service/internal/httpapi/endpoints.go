package httpapi

import (
	"context"
	"time"

	"github.com/labstack/echo/v4"

	"redrive/api-service/internal/endpoints"
	"redrive/pkg/webhook"
)

// EndpointStore reads endpoints and changes their status.
type EndpointStore interface {
	FindEndpoint(ctx context.Context, organizationID, id string) (webhook.Endpoint, error)
	ListEndpoints(ctx context.Context, organizationID string, page webhook.Page) (webhook.List[webhook.Endpoint], error)
	SetEndpointStatus(ctx context.Context, organizationID, id string, status webhook.EndpointStatus, now time.Time) (webhook.Endpoint, error)
}

type endpointHandlers struct {
	store    EndpointStore
	registry *endpoints.Registry
}

type createEndpointRequest struct {
	Name                 string   `json:"name"`
	URL                  string   `json:"url"`
	Description          string   `json:"description"`
	MaxRetries           *int     `json:"maxRetries"`
	SubscribedEventTypes []string `json:"subscribedEventTypes"`
	RateLimit            int      `json:"rateLimit"`
	// A Secret is masked in logs and answers.
	Headers       map[string]webhook.Secret `json:"headers"`
	SigningSecret *webhook.Secret           `json:"signingSecret"`
}

// regenerateSecretRequest is an optional body.
type regenerateSecretRequest struct {
	OverlapHours *int `json:"overlapHours"`
}

func (h endpointHandlers) create(c echo.Context) error {
	request, err := decode[createEndpointRequest](c)
	if err != nil {
		return err
	}
	endpoint, secret, err := h.registry.Create(c.Request().Context(), caller(c), webhook.EndpointSpec(request))
	if err != nil {
		return err
	}
	return okSecret(c, endpoint, secret)
}

func (h endpointHandlers) regenerateSecret(c echo.Context) error {
	id, err := pathID(c, webhook.KindEndpoint)
	if err != nil {
		return err
	}
	request, err := decodeOptional[regenerateSecretRequest](c)
	if err != nil {
		return err
	}
	endpoint, secret, err := h.registry.RegenerateSecret(c.Request().Context(), caller(c).OrganizationID, id, request.OverlapHours)
	if err != nil {
		return err
	}
	return okSecret(c, endpoint, secret)
}

// okSecret sends the only answer that shows a signing secret.
func okSecret(c echo.Context, endpoint webhook.Endpoint, secret webhook.Secret) error {
	view, err := viewEndpoint(endpoint)
	if err != nil {
		return err
	}
	return ok(c, secretView{Endpoint: view, SigningSecret: secret.Reveal()})
}

func (h endpointHandlers) list(c echo.Context) error {
	page, err := pageOf(queryOf(c))
	if err != nil {
		return err
	}
	list, err := h.store.ListEndpoints(c.Request().Context(), caller(c).OrganizationID, page)
	if err != nil {
		return err
	}
	return okPage(c, list, page, viewEndpoint)
}

func (h endpointHandlers) get(c echo.Context) error {
	id, err := pathID(c, webhook.KindEndpoint)
	if err != nil {
		return err
	}
	endpoint, err := h.store.FindEndpoint(c.Request().Context(), caller(c).OrganizationID, id)
	return okEndpoint(c, endpoint, err)
}

func (h endpointHandlers) setStatus(status webhook.EndpointStatus) echo.HandlerFunc {
	return func(c echo.Context) error {
		id, err := pathID(c, webhook.KindEndpoint)
		if err != nil {
			return err
		}
		if err := decodeNothing(c); err != nil {
			return err
		}
		endpoint, err := h.store.SetEndpointStatus(c.Request().Context(), caller(c).OrganizationID, id, status, webhook.Now())
		return okEndpoint(c, endpoint, err)
	}
}

func okEndpoint(c echo.Context, endpoint webhook.Endpoint, err error) error {
	if err != nil {
		return err
	}
	view, err := viewEndpoint(endpoint)
	if err != nil {
		return err
	}
	return ok(c, view)
}
