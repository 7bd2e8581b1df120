package httpapi

import (
	"github.com/labstack/echo/v4"

	"redrive/pkg/webhook"
)

// mergePatch is the content type of a JSON merge patch (RFC 7396).
const mergePatch = "application/merge-patch+json"

type patchEndpointRequest struct {
	Name                 patched[string]                    `json:"name"`
	URL                  patched[string]                    `json:"url"`
	Description          patched[string]                    `json:"description"`
	SubscribedEventTypes patched[[]string]                  `json:"subscribedEventTypes"`
	MaxRetries           patched[int]                       `json:"maxRetries"`
	Headers              patched[map[string]webhook.Secret] `json:"headers"`
	RateLimit            patched[int]                       `json:"rateLimit"`
	TimeoutSeconds       patched[int]                       `json:"timeoutSeconds"`
	RetrySchedule        patched[[]int]                     `json:"retrySchedule"`
	SignatureHeader      patched[string]                    `json:"signatureHeader"`
	Payload              patched[webhook.Payload]           `json:"payload"`
	Metadata             patched[map[string]*string]        `json:"metadata"`
}

func (r patchEndpointRequest) patch() webhook.EndpointPatch {
	return webhook.EndpointPatch{
		Name: webhook.Patched[string](r.Name), URL: webhook.Patched[string](r.URL), Description: webhook.Patched[string](r.Description),
		SubscribedEventTypes: webhook.Patched[[]string](r.SubscribedEventTypes), MaxRetries: webhook.Patched[int](r.MaxRetries),
		Headers: webhook.Patched[map[string]webhook.Secret](r.Headers), RateLimit: webhook.Patched[int](r.RateLimit),
		TimeoutSeconds: webhook.Patched[int](r.TimeoutSeconds), RetrySchedule: webhook.Patched[[]int](r.RetrySchedule),
		SignatureHeader: webhook.Patched[string](r.SignatureHeader), Payload: webhook.Patched[webhook.Payload](r.Payload),
		Metadata: webhook.Patched[map[string]*string](r.Metadata),
	}
}

// patch changes the fields of an endpoint that the body has.
func (h endpointHandlers) patch(c echo.Context) error {
	id, err := pathID(c, webhook.KindEndpoint)
	if err != nil {
		return err
	}
	body, err := requiredBody(c)
	if err != nil {
		return err
	}
	var request patchEndpointRequest
	if err := decodePatch(body, &request); err != nil {
		return err
	}
	endpoint, err := h.registry.Patch(c.Request().Context(), caller(c), id, request.patch())
	return okEndpoint(c, endpoint, err)
}
