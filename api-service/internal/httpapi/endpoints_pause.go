package httpapi

import (
	"context"

	"github.com/labstack/echo/v4"

	"redrive/api-service/internal/endpoints"
	"redrive/pkg/webhook"
)

// holdHandlers serve the operations after which nothing is sent to an endpoint, and the reverse of a pause.
type holdHandlers struct {
	holder *endpoints.Holder
}

func (h holdHandlers) pause(c echo.Context) error { return hold(c, h.holder.Pause) }

func (h holdHandlers) resume(c echo.Context) error { return hold(c, h.holder.Resume) }

func (h holdHandlers) disable(c echo.Context) error { return hold(c, h.holder.Disable) }

// delete ignores a body, as all DELETE operations do.
func (h holdHandlers) delete(c echo.Context) error {
	id, err := pathID(c, webhook.KindEndpoint)
	if err != nil {
		return err
	}
	endpoint, err := h.holder.Delete(c.Request().Context(), caller(c), id)
	return okEndpoint(c, endpoint, err)
}

func hold(c echo.Context, act func(ctx context.Context, by webhook.APIKey, id string) (webhook.Endpoint, error)) error {
	id, err := pathID(c, webhook.KindEndpoint)
	if err != nil {
		return err
	}
	if err := decodeNothing(c); err != nil {
		return err
	}
	endpoint, err := act(c.Request().Context(), caller(c), id)
	return okEndpoint(c, endpoint, err)
}
