package httpapi

import (
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"redrive/pkg/webhook"
)

// patched is a field of a change, which may be absent, null, or have a value. Absent keeps what is stored, and null restores the default.
type patched[T any] webhook.Patched[T]

// UnmarshalJSONFrom decodes null or a value, with the options of the decoder. The decoder calls it only for a field that is present.
func (p *patched[T]) UnmarshalJSONFrom(decoder *jsontext.Decoder) error {
	p.Present, p.Null = true, decoder.PeekKind() == 'n'
	if p.Null {
		return decoder.SkipValue()
	}
	return json.UnmarshalDecode(decoder, &p.Value)
}

// change returns nil if the field is absent, and otherwise its value, or the default for null.
func (p patched[T]) change(byDefault T) *T {
	switch {
	case !p.Present:
		return nil
	case p.Null:
		return &byDefault
	}
	return &p.Value
}

// decodeNullable is decodeOptional for a body whose fields may be null. Each of them has to be a patched.
func decodeNullable[T any](body []byte) (T, error) {
	var request T
	if blank(body) {
		return request, nil
	}
	return request, decodePatch(body, &request)
}
