package httpapi

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/labstack/echo/v4"

	"redrive/api-service/internal/publish"
	"redrive/pkg/envelope"
	"redrive/pkg/webhook"
)

// LargestBody is the largest body limit of all routes, in bytes.
const LargestBody = maxBatchBody

const (
	maxBatchBody   = 5 << 20 // bytes
	maxBatchEvents = 1000
)

type batchResultView struct {
	Event      *eventView               `json:"event,omitempty"`
	Deliveries *[]publishedDeliveryView `json:"deliveries,omitempty"`
	Duplicate  bool                     `json:"duplicate,omitempty"`
	Error      *envelope.Detail         `json:"error,omitempty"`
}

type batchView struct {
	Results listItems `json:"results"`
}

func (h eventHandlers) publishBatch(c echo.Context) error {
	key, err := idempotencyHeader(c)
	if err != nil {
		return err
	}
	body, err := requiredBody(c)
	if err != nil {
		return err
	}
	raw, err := splitBatch(body)
	if err != nil {
		return err
	}
	shown := make([]batchResultView, len(raw))
	var specs []webhook.EventSpec
	var places []int // the indexes of the specs in shown
	for i, event := range raw {
		spec, err := decodeEvent(event, keyInBatch(key, i))
		if err != nil {
			shown[i] = refusedInBatch(err)
			continue
		}
		specs, places = append(specs, spec), append(places, i)
	}
	allow(c, batchStatements)
	results, err := h.publisher.PublishAll(c.Request().Context(), caller(c).OrganizationID, specs)
	if err != nil {
		return err
	}
	for i, result := range results {
		if result.Err != nil {
			shown[places[i]] = refusedInBatch(result.Err)
			continue
		}
		shown[places[i]] = publishedInBatch(result.Published)
	}
	if !slices.ContainsFunc(shown, func(v batchResultView) bool { return !v.Duplicate }) {
		replayed(c)
	}
	return stream(c, batchView{}, viewed(shown, func(v batchResultView) (batchResultView, error) { return v, nil }), turns{})
}

// decodeEvent decodes one event of a batch as strictly as a single event.
func decodeEvent(raw jsontext.Value, key string) (webhook.EventSpec, error) {
	var request publishRequest
	switch {
	case len(raw) > maxBody:
		return webhook.EventSpec{}, webhook.Invalid("event_too_large", "", fmt.Sprintf("an event must not be larger than %d bytes", maxBody))
	case raw.Kind() != '{':
		return webhook.EventSpec{}, webhook.Invalid("invalid_type", "", "an event must be a JSON object")
	}
	if err := decodeText("the event", raw, &request); err != nil {
		return webhook.EventSpec{}, err
	}
	return request.spec(key)
}

// keyInBatch returns the idempotency key of an event of a batch that has the key in its header. It is empty without that.
func keyInBatch(key string, index int) string {
	if key == "" {
		return ""
	}
	return key + "/" + strconv.Itoa(index)
}

func publishedInBatch(p publish.Published) batchResultView {
	view := viewPublished(p.Publication)
	return batchResultView{Event: &view.Event, Deliveries: &view.Deliveries, Duplicate: p.Duplicate}
}

// refusedInBatch returns the first problem of an event.
func refusedInBatch(err error) batchResultView {
	detail := envelope.Fail(err, "").Details[0]
	return batchResultView{Error: &detail}
}

// splitBatch splits {"events": [ … ]} into its events without decoding them, so that a wrong event is the error of that event alone. A text
// that is not JSON is an error of the whole batch.
func splitBatch(body []byte) ([]jsontext.Value, error) {
	lenient := []jsontext.Options{jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)}
	if _, err := jsontext.NewDecoder(bytes.NewBuffer(body), lenient...).ReadValue(); err != nil {
		return nil, malformed("the body", body, err) // so that later errors can quote names
	}
	decoder := jsontext.NewDecoder(bytes.NewBuffer(body), lenient...)
	if kind := decoder.PeekKind(); kind != '{' && kind != jsontext.KindInvalid {
		return nil, webhook.Invalid("invalid_type", "", "the body must be a JSON object")
	}
	if _, err := decoder.ReadToken(); err != nil {
		return nil, malformed("the body", body, err)
	}
	var events []jsontext.Value
	found := false
	for decoder.PeekKind() != '}' {
		name, err := decoder.ReadToken()
		if err != nil {
			return nil, malformed("the body", body, err)
		}
		switch field := fieldOf(jsontext.Pointer("").AppendToken(name.String())); {
		case field != "events":
			return nil, unknownField(field)
		case found:
			return nil, webhook.Invalid("duplicate_field", field, "the field \"events\" is there twice; send it once")
		}
		found = true
		if events, err = splitArray(decoder, body); err != nil {
			return nil, err
		}
	}
	if _, err := decoder.ReadToken(); err != nil {
		return nil, malformed("the body", body, err)
	}
	if !blank(body[decoder.InputOffset():]) {
		return nil, webhook.Invalid("trailing_data", "", "the body must be one JSON object with nothing behind it")
	}
	if !found {
		return nil, webhook.Invalid("required", "events", "events is required and must be an array of events")
	}
	if len(events) == 0 || len(events) > maxBatchEvents {
		return nil, webhook.Invalid("out_of_range", "events", fmt.Sprintf("events must hold between 1 and %d events", maxBatchEvents))
	}
	return events, nil
}

func splitArray(decoder *jsontext.Decoder, body []byte) ([]jsontext.Value, error) {
	if decoder.PeekKind() != '[' {
		if _, err := decoder.ReadValue(); err != nil {
			return nil, malformed("the body", body, err)
		}
		return nil, webhook.Invalid("invalid_type", "events", "events must be an array")
	}
	if _, err := decoder.ReadToken(); err != nil {
		return nil, malformed("the body", body, err)
	}
	events := []jsontext.Value{}
	for decoder.PeekKind() != ']' {
		event, err := decoder.ReadValue()
		if err != nil {
			return nil, malformed("the body", body, err)
		}
		if len(events) <= maxBatchEvents { // one more than the limit suffices
			events = append(events, event.Clone())
		}
	}
	_, err := decoder.ReadToken()
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, malformed("the body", body, err)
	}
	return events, nil
}
