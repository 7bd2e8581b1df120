package httpapi

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/labstack/echo/v4"

	"redrive/api-service/internal/redeliver"
	"redrive/pkg/memory"
	"redrive/pkg/webhook"
)

// DeliveryStore reads deliveries and their attempts.
type DeliveryStore interface {
	deliveryPages
	attemptPages
	FindDelivery(ctx context.Context, organizationID, id string) (webhook.Record, error)
	SizeDelivery(ctx context.Context, organizationID, id string) (webhook.Sized, error)
}

// deliveryPages reads lists of deliveries: the sizes of a page first, then its items in batches.
type deliveryPages interface {
	PageDeliveries(ctx context.Context, f webhook.DeliveryFilter, page webhook.Page) (webhook.List[webhook.Sized], error)
	ReadDeliveries(ctx context.Context, organizationID string, ids []string) ([]webhook.Record, error)
	ReadDeliveriesWithoutBodies(ctx context.Context, organizationID string, ids []string) ([]webhook.Record, error)
}

// attemptPages reads the attempts of a delivery in the same way.
type attemptPages interface {
	PageAttempts(ctx context.Context, organizationID, deliveryID string, page webhook.Page) (webhook.List[webhook.Sized], error)
	ReadAttempts(ctx context.Context, organizationID string, ids []string) ([]webhook.Attempt, error)
	ReadAttemptsWithoutBodies(ctx context.Context, organizationID string, ids []string) ([]webhook.Attempt, error)
}

type deliveryHandlers struct {
	store       DeliveryStore
	redeliverer *redeliver.Redeliverer
	memory      budget
}

func (h deliveryHandlers) list(c echo.Context) error {
	page, err := pageOf(c)
	if err != nil {
		return err
	}
	filter, err := deliveryFilter(c)
	if err != nil {
		return err
	}
	list, err := h.store.PageDeliveries(c.Request().Context(), filter, page)
	if err != nil {
		return err
	}
	if page.WithoutBodies {
		return okBatches(c, h.memory, list, page, h.store.ReadDeliveriesWithoutBodies, viewDeliveryWithoutBodies)
	}
	return okBatches(c, h.memory, list, page, h.store.ReadDeliveries, viewDelivery)
}

func (h deliveryHandlers) get(c echo.Context) error {
	id, err := pathID(c, webhook.KindDelivery)
	if err != nil {
		return err
	}
	return h.show(c, id)
}

// show answers with a delivery as it is now.
func (h deliveryHandlers) show(c echo.Context, id string) error {
	release, err := h.reserve(c, id)
	if err != nil {
		return err
	}
	defer release()
	record, err := h.store.FindDelivery(c.Request().Context(), caller(c).OrganizationID, id)
	return okDelivery(c, record, err)
}

// reserve takes the memory for one delivery before it is read.
func (h deliveryHandlers) reserve(c echo.Context, id string) (release func(), err error) {
	sized, err := h.store.SizeDelivery(c.Request().Context(), caller(c).OrganizationID, id)
	if err != nil {
		return nil, err
	}
	release, err = h.memory.reserve(c, costOf(split([]webhook.Sized{sized})))
	allow(c, 1)
	return release, err
}

func (h deliveryHandlers) attempts(c echo.Context) error {
	id, err := pathID(c, webhook.KindDelivery)
	if err != nil {
		return err
	}
	page, err := pageOf(c)
	if err != nil {
		return err
	}
	list, err := h.store.PageAttempts(c.Request().Context(), caller(c).OrganizationID, id, page)
	if err != nil {
		return err
	}
	if page.WithoutBodies {
		return okBatches(c, h.memory, list, page, h.store.ReadAttemptsWithoutBodies, viewAttempt)
	}
	return okBatches(c, h.memory, list, page, h.store.ReadAttempts, viewAttempt)
}

// smallRecord is the size of a record that a small reservation of memory is enough for, in bytes.
const smallRecord = memory.Small / (1 + encodings)

// retry takes the memory of a small record without a look at the delivery. Nothing is changed if the record turns out to be larger: retry
// then takes the memory that it needs.
func (h deliveryHandlers) retry(c echo.Context) error {
	id, err := pathID(c, webhook.KindDelivery)
	if err != nil {
		return err
	}
	if err := decodeNothing(c); err != nil {
		return err
	}
	release, err := h.memory.reserve(c, memory.Small)
	if err != nil {
		return err
	}
	defer release()
	record, err := h.redeliverer.RetrySmall(c.Request().Context(), caller(c).OrganizationID, id, smallRecord)
	if errors.Is(err, webhook.ErrRecordLarge) {
		release()
		allow(c, 1)
		return h.redo(c, h.redeliverer.Retry)
	}
	return okDelivery(c, record, err)
}

func (h deliveryHandlers) replay(c echo.Context) error { return h.redo(c, h.redeliverer.Replay) }

func (h deliveryHandlers) cancel(c echo.Context) error { return h.redo(c, h.redeliverer.Cancel) }

// redo takes the memory for the record before anything is changed: its event may have a large body, and retries share a statement.
func (h deliveryHandlers) redo(c echo.Context, act func(ctx context.Context, organizationID, id string) (webhook.Record, error)) error {
	id, err := pathID(c, webhook.KindDelivery)
	if err != nil {
		return err
	}
	if err := decodeNothing(c); err != nil {
		return err
	}
	release, err := h.reserve(c, id)
	if err != nil {
		return err
	}
	defer release()
	record, err := act(c.Request().Context(), caller(c).OrganizationID, id)
	return okDelivery(c, record, err)
}

func okDelivery(c echo.Context, record webhook.Record, err error) error {
	if err != nil {
		return err
	}
	view, err := viewDelivery(record)
	if err != nil {
		return err
	}
	if !json.Valid(view.RequestBody) {
		return ok(c, view.withoutStored())
	}
	return ok(c, view)
}
