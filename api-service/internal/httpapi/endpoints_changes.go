package httpapi

import (
	"encoding/json"

	"github.com/labstack/echo/v4"

	"redrive/pkg/webhook"
)

type changeView struct {
	At         webhook.Timestamp `json:"at"`
	EndpointID string            `json:"endpointId"`
	Change     string            `json:"change"`
	By         string            `json:"by,omitempty"`
	Reason     string            `json:"reason,omitempty"`
	Before     json.RawMessage   `json:"before"`
	After      json.RawMessage   `json:"after"`
}

func viewChange(c webhook.EndpointChanged) (changeView, error) {
	return changeView{
		At: webhook.Timestamp(c.At), EndpointID: c.EndpointID, Change: string(c.Change), By: c.By, Reason: c.Reason, Before: c.Before, After: c.After,
	}, nil
}

// withoutStored returns the change without its fields, for a record that is damaged.
func (v changeView) withoutStored() any {
	v.Before, v.After = json.RawMessage("{}"), json.RawMessage("{}")
	return v
}

// changesOfOne lists the changes of one endpoint, also after it was deleted.
func (h endpointHandlers) changesOfOne(c echo.Context) error {
	id, err := pathID(c, webhook.KindEndpoint)
	if err != nil {
		return err
	}
	filter, page, err := changesFilter(c)
	if err != nil {
		return err
	}
	if err := h.store.CheckEndpoint(c.Request().Context(), filter.OrganizationID, id); err != nil {
		return err
	}
	filter.EndpointID = id
	return h.listChanges(c, filter, page)
}

// changes lists the changes of all endpoints.
func (h endpointHandlers) changes(c echo.Context) error {
	filter, page, err := changesFilter(c)
	if err != nil {
		return err
	}
	return h.listChanges(c, filter, page)
}

func (h endpointHandlers) listChanges(c echo.Context, filter webhook.ChangeFilter, page webhook.Page) error {
	list, err := h.store.ListEndpointChanges(c.Request().Context(), filter, page)
	if err != nil {
		return err
	}
	return okPage(c, list, page, viewChange)
}

// changesFilter parses the query of a list of changes.
func changesFilter(c echo.Context) (filter webhook.ChangeFilter, page webhook.Page, err error) {
	query := queryOf(c)
	filter.OrganizationID = caller(c).OrganizationID
	if page, err = pageOf(c); err != nil {
		return filter, page, err
	}
	if query.Has("endpointId") {
		filter.EndpointID = query.Get("endpointId")
		if err := webhook.CheckID(webhook.KindEndpoint, filter.EndpointID); err != nil {
			return filter, page, webhook.Invalid("invalid_id", "endpointId", "endpointId must be ep_ followed by the 26 characters of a ULID")
		}
	}
	if query.Has("by") {
		filter.By = query.Get("by")
		if err := webhook.CheckSearch("by", filter.By); err != nil {
			return filter, page, err
		}
	}
	filter.From, filter.To, err = timeRange(parametersOf(c))
	return filter, page, err
}
