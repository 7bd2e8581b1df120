package httpapi

import (
	"context"
	"encoding/json"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/labstack/echo/v4"

	"redrive/pkg/webhook"
)

// EventTypeStore has the catalogue of event types.
type EventTypeStore interface {
	ListEventTypes(ctx context.Context, page webhook.Page) (webhook.List[webhook.EventType], error)
	PutEventType(ctx context.Context, name string, change webhook.EventTypeChange, now time.Time) (webhook.EventType, error)
	DeleteEventType(ctx context.Context, name string) (webhook.EventType, error)
}

type eventTypeHandlers struct {
	store EventTypeStore
}

// putEventTypeRequest is an optional body.
type putEventTypeRequest struct {
	Description patched[string]         `json:"description"`
	Sample      patched[jsontext.Value] `json:"sample"`
	Deprecated  patched[bool]           `json:"deprecated"`
}

func (r putEventTypeRequest) change() webhook.EventTypeChange {
	change := webhook.EventTypeChange{Description: r.Description.change(""), Deprecated: r.Deprecated.change(false)}
	if sample := r.Sample.change(nil); sample != nil {
		value := json.RawMessage(*sample)
		change.Sample = &value
	}
	return change
}

// catalogued returns the name in the path.
func catalogued(c echo.Context) (string, error) {
	name := c.Param("name")
	if err := webhook.CheckCatalogued(name); err != nil {
		return "", err
	}
	c.Set(subjectInContext, name)
	return name, nil
}

func (h eventTypeHandlers) list(c echo.Context) error {
	page, err := pageOf(c)
	if err != nil {
		return err
	}
	list, err := h.store.ListEventTypes(c.Request().Context(), page)
	if err != nil {
		return err
	}
	return okWalk(c, list, page, viewEventType)
}

func (h eventTypeHandlers) put(c echo.Context) error {
	name, err := catalogued(c)
	if err != nil {
		return err
	}
	request, err := decodeNullable[putEventTypeRequest](bodyOf(c))
	if err != nil {
		return err
	}
	change := request.change()
	if err := change.Check(); err != nil {
		return err
	}
	t, err := h.store.PutEventType(c.Request().Context(), name, change, webhook.Now())
	return okEventType(c, t, err)
}

func (h eventTypeHandlers) remove(c echo.Context) error {
	name, err := catalogued(c)
	if err != nil {
		return err
	}
	t, err := h.store.DeleteEventType(c.Request().Context(), name)
	return okEventType(c, t, err)
}

func okEventType(c echo.Context, t webhook.EventType, err error) error {
	if err != nil {
		return err
	}
	view, err := viewEventType(t)
	if err != nil {
		return err
	}
	return ok(c, view)
}

type eventTypeView struct {
	Name        string            `json:"name"`
	Description string            `json:"description,omitempty"`
	Sample      json.RawMessage   `json:"sample,omitempty"`
	Deprecated  bool              `json:"deprecated"`
	CreatedAt   webhook.Timestamp `json:"createdAt"`
	UpdatedAt   webhook.Timestamp `json:"updatedAt"`
}

func viewEventType(t webhook.EventType) (eventTypeView, error) {
	return eventTypeView{
		Name: t.Name, Description: t.Description, Sample: t.Sample, Deprecated: t.Deprecated,
		CreatedAt: webhook.Timestamp(t.CreatedAt), UpdatedAt: webhook.Timestamp(t.UpdatedAt),
	}, nil
}

// withoutStored leaves out a sample that is damaged.
func (v eventTypeView) withoutStored() any {
	v.Sample = nil
	return v
}
