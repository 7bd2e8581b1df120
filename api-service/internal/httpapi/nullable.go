package httpapi

import (
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// nullable is a field that may be absent, null, or have a value. Absent keeps what is stored, and null restores the default.
type nullable[T any] struct {
	present bool
	value   *T // nil for null
}

// UnmarshalJSONFrom decodes null or a value, with the options of the decoder.
func (n *nullable[T]) UnmarshalJSONFrom(decoder *jsontext.Decoder) error {
	n.present, n.value = true, nil
	if decoder.PeekKind() == 'n' {
		return decoder.SkipValue()
	}
	n.value = new(T)
	return json.UnmarshalDecode(decoder, n.value)
}

// change returns nil if the field is absent, and otherwise its value, or the default for null.
func (n nullable[T]) change(byDefault T) *T {
	switch {
	case !n.present:
		return nil
	case n.value == nil:
		return &byDefault
	}
	return n.value
}

// decodeNullable is decodeOptional for a body whose fields may be null. Each of them has to be a nullable.
func decodeNullable[T any](body []byte) (T, error) {
	var request T
	if blank(body) {
		return request, nil
	}
	return request, decodePatch(body, &request)
}
