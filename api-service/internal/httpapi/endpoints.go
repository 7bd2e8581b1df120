package httpapi

import (
	"context"

	"github.com/labstack/echo/v4"

	"redrive/api-service/internal/endpoints"
	"redrive/pkg/webhook"
)

// EndpointStore reads endpoints.
type EndpointStore interface {
	// CheckEndpoint returns not_found unless the organization has the endpoint, which may be deleted.
	CheckEndpoint(ctx context.Context, organizationID, id string) error
	ListEndpointChanges(ctx context.Context, f webhook.ChangeFilter, page webhook.Page) (webhook.List[webhook.EndpointChanged], error)
	FindEndpoint(ctx context.Context, organizationID, id string) (webhook.Endpoint, error)
	ListEndpoints(ctx context.Context, f webhook.EndpointFilter, page webhook.Page) (webhook.List[webhook.Endpoint], error)
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
	Headers         map[string]webhook.Secret `json:"headers"`
	SigningSecret   *webhook.Secret           `json:"signingSecret"`
	TimeoutSeconds  int                       `json:"timeoutSeconds"`
	RetrySchedule   []int                     `json:"retrySchedule"`
	Payload         webhook.Payload           `json:"payload"`
	SignatureHeader string                    `json:"signatureHeader"`
	Metadata        map[string]string         `json:"metadata"`
	Paused          bool                      `json:"paused"`
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
	recordAs(c, viewSecret)
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
	recordAs(c, viewSecret)
	endpoint, secret, err := h.registry.RegenerateSecret(c.Request().Context(), caller(c), id, request.OverlapHours)
	if err != nil {
		return err
	}
	return okSecret(c, endpoint, secret)
}

// okSecret sends the only answer that shows a signing secret.
func okSecret(c echo.Context, endpoint webhook.Endpoint, secret webhook.Secret) error {
	endpoint.SigningSecrets = []webhook.SigningSecret{{Value: secret}}
	view, err := viewSecret(endpoint)
	if err != nil {
		return err
	}
	return ok(c, view)
}

// viewSecret shows an endpoint with the newest of its signing secrets.
func viewSecret(endpoint webhook.Endpoint) (secretView, error) {
	view, err := viewEndpoint(endpoint)
	return secretView{Endpoint: view, SigningSecret: endpoint.SigningSecrets[0].Value.Reveal()}, err
}

func (h endpointHandlers) list(c echo.Context) error {
	page, err := pageOf(c)
	if err != nil {
		return err
	}
	filter, err := endpointFilter(c)
	if err != nil {
		return err
	}
	list, err := h.store.ListEndpoints(c.Request().Context(), filter, page)
	if err != nil {
		return err
	}
	return okPage(c, list, page, viewEndpoint)
}

func endpointFilter(c echo.Context) (webhook.EndpointFilter, error) {
	query := queryOf(c)
	filter := webhook.EndpointFilter{OrganizationID: caller(c).OrganizationID, Status: webhook.EndpointStatus(query.Get("status")), Prefix: query.Get("q")}
	if query.Has("status") && filter.Status != webhook.EndpointActive && filter.Status != webhook.EndpointDisabled {
		return filter, webhook.Invalid("out_of_range", "status", "status must be active or disabled")
	}
	var err error
	if filter.Failing, err = boolean(query, "failing", false); err != nil {
		return filter, err
	}
	if query.Has("q") {
		return filter, webhook.CheckSearch("q", filter.Prefix)
	}
	return filter, nil
}

func (h endpointHandlers) get(c echo.Context) error {
	id, err := pathID(c, webhook.KindEndpoint)
	if err != nil {
		return err
	}
	endpoint, err := h.store.FindEndpoint(c.Request().Context(), caller(c).OrganizationID, id)
	return okEndpoint(c, endpoint, err)
}

func (h endpointHandlers) enable(c echo.Context) error {
	id, err := pathID(c, webhook.KindEndpoint)
	if err != nil {
		return err
	}
	if err := decodeNothing(c); err != nil {
		return err
	}
	endpoint, err := h.registry.Change(c.Request().Context(), caller(c), id, webhook.Enabling(caller(c).ID, webhook.Now()))
	return okEndpoint(c, endpoint, err)
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
