package httpapi

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"

	"github.com/labstack/echo/v4"

	"redrive/pkg/envelope"
)

func ok(c echo.Context, data any) error {
	return c.JSON(http.StatusOK, envelope.OK(data, requestIDOf(c)))
}

// listItems marks the position of a list's items in the frame around them. It encodes as a random text that is never shown, so that an
// event's data cannot contain it.
type listItems struct{}

var placeholder = []byte(`"` + rand.Text() + `"`)

// MarshalJSON returns the placeholder.
func (listItems) MarshalJSON() ([]byte, error) { return placeholder, nil }

// stream answers like ok, but takes, encodes and writes the items of a list one by one. An item may be as large as an event, so that a
// list of a hundred items would need much memory. The frame is encoded with a placeholder and split there.
//
// The answer begins with the first item. The caller can answer an error before it. After a later error, the middleware aborts the
// connection.
//
// Each item is encoded in a turn, and written after it.
func stream[V any](c echo.Context, frame any, items iter.Seq2[V, error], encoding turns) error {
	var framed bytes.Buffer
	if err := encode(&framed, envelope.OK(frame, requestIDOf(c))); err != nil {
		return err
	}
	before, behind, found := bytes.Cut(framed.Bytes(), placeholder)
	if !found {
		return errors.New("the frame of a list has no place for its items")
	}
	w := listWriter{ctx: untimed(c), encoding: encoding, response: c.Response(), body: clientWriter{c.Response()}, separator: append(before, '[')}
	for item, err := range items {
		if err == nil {
			err = w.item(item)
		}
		if err != nil {
			return err
		}
	}
	return w.end(behind)
}

// listWriter writes the items of a list and the separators between them.
type listWriter struct {
	ctx       context.Context //nolint:containedctx // it ends with the request
	encoding  turns
	encoded   bytes.Buffer // the last item
	response  *echo.Response
	body      clientWriter
	separator []byte // before the next item
}

func (w *listWriter) separate() error {
	if !w.response.Committed {
		w.response.Header().Set(echo.HeaderContentType, echo.MIMEApplicationJSON)
		w.response.WriteHeader(http.StatusOK)
	}
	_, err := w.body.Write(w.separator)
	return err
}

func (w *listWriter) item(item any) error {
	w.encoded.Reset()
	if err := w.encoding.do(w.ctx, func() error { return encodeItem(&w.encoded, item) }); err != nil {
		return err
	}
	if err := w.separate(); err != nil {
		return err
	}
	w.separator = []byte{','}
	_, err := w.body.Write(w.encoded.Bytes())
	return err
}

func (w *listWriter) end(behind []byte) error {
	if !w.response.Committed { // there are no items
		if err := w.separate(); err != nil {
			return err
		}
	}
	_, err := w.body.Write(append([]byte{']'}, behind...))
	return err
}

// clientError is an error of writing to a client that has disconnected or reads too slowly.
type clientError struct{ err error }

func (e *clientError) Error() string { return "write the answer: " + e.err.Error() }

// Unwrap returns the cause.
func (e *clientError) Unwrap() error { return e.err }

// clientWriter writes to the client.
type clientWriter struct{ io.Writer }

func (w clientWriter) Write(text []byte) (int, error) {
	n, err := w.Writer.Write(text)
	if err != nil {
		return n, &clientError{err}
	}
	return n, nil
}

// damaged is an item whose stored JSON may be damaged. withoutStored returns the item without it.
type damaged interface{ withoutStored() any }

// encodeItem encodes an item, without its stored JSON if that is damaged. One damaged item does not make the list fail. The encoder
// writes an item as a whole or not at all.
func encodeItem(w io.Writer, item any) error {
	err := encode(w, item)
	var invalid *json.MarshalerError
	if d, ok := item.(damaged); ok && errors.As(err, &invalid) {
		return encode(w, d.withoutStored())
	}
	return err
}

// serializer encodes answers. It does not escape <, > and &, so that an event's data is shown as it was published.
type serializer struct{}

func (serializer) Serialize(c echo.Context, value any, _ string) error {
	return encode(clientWriter{c.Response()}, value)
}

func encode(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return fmt.Errorf("encode the answer: %w", err)
	}
	return nil
}

// encoded returns the encoding of a value without the line break behind it.
func encoded(value any) ([]byte, error) {
	var text bytes.Buffer
	err := encode(&text, value)
	return bytes.TrimSuffix(text.Bytes(), []byte("\n")), err
}

// Deserialize is not called, because decode decodes the bodies.
func (serializer) Deserialize(echo.Context, any) error { return echo.ErrUnsupportedMediaType }
