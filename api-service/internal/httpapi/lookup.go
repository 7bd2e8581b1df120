package httpapi

import (
	"context"

	"github.com/labstack/echo/v4"

	"redrive/pkg/webhook"
)

// LookupStore finds the organization of a resource.
type LookupStore interface {
	FindOwner(ctx context.Context, id string) (*webhook.Resource, error)
}

type lookupHandlers struct{ store LookupStore }

type resourceView struct {
	Type           string `json:"type"`
	ID             string `json:"id"`
	OrganizationID string `json:"organizationId,omitempty"` // absent of a platform key
}

type lookupView struct {
	Items []resourceView `json:"items"`
}

// find answers with the resource of an ID, in whatever organization. An ID without a resource has an empty answer.
func (h lookupHandlers) find(c echo.Context) error {
	id := queryOf(c).Get("id")
	if id == "" {
		return webhook.Invalid("required", "id", "id is required: the id of a delivery, event, endpoint, attempt, API key, bulk job, console session or organization")
	}
	if _, known := webhook.KindOf(id); !known && webhook.CheckOrganizationID(id) != nil {
		return webhook.Invalid("invalid_id", "id", "id must be the id of a delivery, event, endpoint, attempt, API key, bulk job, console session or organization")
	}
	found, err := h.store.FindOwner(c.Request().Context(), id)
	if err != nil {
		return err
	}
	view := lookupView{Items: []resourceView{}}
	if found != nil {
		view.Items = append(view.Items, resourceView{Type: found.Type(), ID: found.ID, OrganizationID: found.OrganizationID})
	}
	return ok(c, view)
}
