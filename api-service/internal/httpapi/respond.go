package httpapi

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/labstack/echo/v4"

	"redrive/pkg/envelope"
	"redrive/pkg/webhook"
)

func ok(c echo.Context, data any) error {
	return c.JSON(http.StatusOK, envelope.OK(data, requestIDOf(c)))
}

// pageView is the data of an answer with a list.
type pageView struct {
	Items   json.RawMessage `json:"items"`
	HasMore bool            `json:"hasMore"`
	Limit   int             `json:"limit"`
	Offset  int             `json:"offset"`
}

func okPage[T, V any](c echo.Context, list webhook.List[T], page webhook.Page, view func(T) (V, error)) error {
	shown := make([]V, len(list.Items))
	for i, item := range list.Items {
		var err error
		if shown[i], err = view(item); err != nil {
			return err
		}
	}
	return stream(c, shown, func(items json.RawMessage) any {
		return pageView{Items: items, HasMore: list.HasMore, Limit: page.Limit, Offset: page.Offset}
	})
}

// stream answers like ok, but encodes and writes the items of a list one by one. An item may be as large as an event, so that a list of a
// hundred encoded items would need much memory. The frame is encoded with a placeholder and split there.
func stream[V any](c echo.Context, items []V, frame func(items json.RawMessage) any) error {
	var framed bytes.Buffer
	if err := encode(&framed, envelope.OK(frame(placeholder), requestIDOf(c))); err != nil {
		return err
	}
	before, behind, found := bytes.Cut(framed.Bytes(), placeholder)
	if !found {
		return errors.New("the frame of a list has no place for its items")
	}
	response := c.Response()
	response.Header().Set(echo.HeaderContentType, echo.MIMEApplicationJSON)
	response.WriteHeader(http.StatusOK)
	return writeItems(response, before, items, behind)
}

// placeholder marks the position of the items. It is random and never shown, so that an event's data cannot contain it.
var placeholder = json.RawMessage(`"` + rand.Text() + `"`)

func writeItems[V any](w io.Writer, before []byte, items []V, behind []byte) error {
	if _, err := w.Write(append(before, '[')); err != nil {
		return fmt.Errorf("write the answer: %w", err)
	}
	var item bytes.Buffer
	for i := range items {
		item.Reset()
		if i > 0 {
			item.WriteByte(',')
		}
		if err := encodeItem(&item, items[i]); err != nil {
			return err
		}
		if _, err := w.Write(item.Bytes()); err != nil {
			return fmt.Errorf("write the answer: %w", err)
		}
	}
	if _, err := w.Write(append([]byte{']'}, behind...)); err != nil {
		return fmt.Errorf("write the answer: %w", err)
	}
	return nil
}

// damaged is an item whose stored JSON may be damaged. withoutStored returns the item without it.
type damaged interface{ withoutStored() any }

// encodeItem encodes an item, without its stored JSON if that is damaged. One damaged item does not make the list fail.
func encodeItem(w *bytes.Buffer, item any) error {
	before := w.Len()
	err := encode(w, item)
	if d, ok := item.(damaged); ok && err != nil {
		w.Truncate(before)
		return encode(w, d.withoutStored())
	}
	return err
}

// serializer encodes answers. It does not escape <, > and &, so that an event's data is shown as it was published.
type serializer struct{}

func (serializer) Serialize(c echo.Context, value any, _ string) error {
	return encode(c.Response(), value)
}

func encode(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return fmt.Errorf("encode the answer: %w", err)
	}
	return nil
}

// Deserialize is not called, because decode decodes the bodies.
func (serializer) Deserialize(echo.Context, any) error { return echo.ErrUnsupportedMediaType }
