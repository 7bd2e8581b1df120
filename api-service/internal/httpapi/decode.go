package httpapi

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/labstack/echo/v4"

	"redrive/pkg/webhook"
)

const maxDepth = 32 // nested objects and arrays

// decode reads a body into a request strictly: one JSON object, no unknown or duplicate fields, no nulls, nothing behind it.
func decode[T any](c echo.Context) (T, error) {
	var request T
	body, err := requiredBody(c)
	if err != nil {
		return request, err
	}
	return request, decodeJSON(body, &request)
}

// decodeOptional is decode for operations that can do without a body: an empty one is {}.
func decodeOptional[T any](c echo.Context) (T, error) {
	var request T
	if body := bodyOf(c); !blank(body) {
		return request, decodeJSON(body, &request)
	}
	return request, nil
}

// decodeNothing is for operations that take no body: an empty one and {} are fine.
func decodeNothing(c echo.Context) error {
	_, err := decodeOptional[struct{}](c)
	return err
}

// requiredBody is for operations that cannot do without a body.
func requiredBody(c echo.Context) ([]byte, error) {
	body := bodyOf(c)
	if blank(body) {
		return nil, webhook.Invalid("empty_body", "", "the body is empty; send a JSON object")
	}
	return body, nil
}

// decodeJSON reads the text of a whole body.
func decodeJSON(body []byte, request any) error { return decodeText("the body", body, request) }

// decodeText reads a JSON text, which errors call by its name.
func decodeText(name string, text []byte, request any) error {
	if err := checkJSON(name, text); err != nil {
		return err
	}
	err := json.Unmarshal(text, request, json.RejectUnknownMembers(true))
	var semantic *json.SemanticError
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &semantic):
		return malformed(name, text, err)
	}
	field := fieldOf(semantic.JSONPointer)
	if errors.Is(err, json.ErrUnknownName) {
		return unknownField(field)
	}
	return webhook.Invalid("invalid_type", field, fmt.Sprintf("%s must be %s", field, typeName(semantic.GoType)))
}

func unknownField(field string) error {
	return webhook.Invalid("unknown_field", field, fmt.Sprintf("there is no field %q here; check its spelling and case", field))
}

// checkJSON looks at the text as a whole before anything is made of it: well-formed in UTF-8, no duplicate keys, one object,
// not too deep, and no null where a field is expected (the contract's types are not nullable; what an event's data holds is
// its own affair).
func checkJSON(name string, text []byte) error {
	decoder := jsontext.NewDecoder(bytes.NewReader(text))
	if kind := decoder.PeekKind(); kind != '{' && kind != jsontext.KindInvalid {
		return webhook.Invalid("invalid_type", "", name+" must be a JSON object")
	}
	for {
		token, err := decoder.ReadToken()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return malformed(name, text, err)
		case decoder.StackDepth() > maxDepth:
			return webhook.Invalid("too_deep", "", fmt.Sprintf("%s nests deeper than %d levels", name, maxDepth))
		case token.Kind() == 'n' && decoder.StackDepth() == 1:
			field := fieldOf(decoder.StackPointer())
			return webhook.Invalid("null_not_allowed", field, fmt.Sprintf("%s must not be null; give it a value, or leave it out if it is optional", field))
		}
		if decoder.StackDepth() == 0 && !blank(text[decoder.InputOffset():]) {
			return webhook.Invalid("trailing_data", "", name+" must be one JSON object with nothing behind it")
		}
	}
}

// fieldOf writes a JSON pointer the way details name fields, a.b[0]. A pointer does not tell an array's index from an object's
// key of digits, and no request has such keys but in an event's data. What a caller sent is cut, so that an answer stays
// readable.
func fieldOf(pointer jsontext.Pointer) string {
	var path strings.Builder
	for token := range pointer.Tokens() {
		switch {
		case path.Len() > 0 && token != "" && strings.Trim(token, "0123456789") == "":
			path.WriteString("[" + token + "]")
		case path.Len() > 0:
			path.WriteString("." + token)
		default:
			path.WriteString(token)
		}
	}
	return shortened(path.String())
}

// shortened is a text of a caller's as an answer shows it: valid UTF-8 and not long.
func shortened(text string) string {
	text = strings.ToValidUTF8(text, "?")
	const longest = 128
	if runes := []rune(text); len(runes) > longest {
		return string(runes[:longest]) + "…"
	}
	return text
}

func typeName(t reflect.Type) string {
	if t == nil {
		return "of another type"
	}
	switch t.Kind() {
	case reflect.Pointer:
		return typeName(t.Elem())
	case reflect.Int:
		return "a whole number"
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice:
		return "an array"
	default:
		return "an object"
	}
}
