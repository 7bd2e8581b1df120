package httpapi

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"

	"redrive/pkg/envelope"
	"redrive/pkg/webhook"
)

func ok(c echo.Context, data any) error {
	return c.JSON(http.StatusOK, envelope.OK(data, requestIDOf(c)))
}

// pageView is a list as it is answered; Items is never null.
type pageView[T any] struct {
	Items   []T  `json:"items"`
	HasMore bool `json:"hasMore"`
	Limit   int  `json:"limit"`
	Offset  int  `json:"offset"`
}

func okPage[T, V any](c echo.Context, list webhook.List[T], page webhook.Page, view func(T) (V, error)) error {
	shown := pageView[V]{Items: make([]V, len(list.Items)), HasMore: list.HasMore, Limit: page.Limit, Offset: page.Offset}
	for i, item := range list.Items {
		var err error
		if shown.Items[i], err = view(item); err != nil {
			return err
		}
	}
	return ok(c, shown)
}

// serializer encodes answers without escaping <, > and &: an event's data is shown as it was published.
type serializer struct{}

func (serializer) Serialize(c echo.Context, value any, _ string) error {
	encoder := json.NewEncoder(c.Response())
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return fmt.Errorf("encode the answer: %w", err)
	}
	return nil
}

// Deserialize is never called: bodies are read by decode, strictly.
func (serializer) Deserialize(echo.Context, any) error { return echo.ErrUnsupportedMediaType }
