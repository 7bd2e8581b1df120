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

// decode decodes a body strictly. The body must be one JSON object without unknown fields, duplicate fields, nulls and trailing data.
func decode[T any](c echo.Context) (T, error) {
	var request T
	body, err := requiredBody(c)
	if err != nil {
		return request, err
	}
	return request, decodeJSON(body, &request)
}

// decodeOptional is decode for operations whose body is optional. An empty body counts as {}.
func decodeOptional[T any](c echo.Context) (T, error) {
	var request T
	if body := bodyOf(c); !blank(body) {
		return request, decodeJSON(body, &request)
	}
	return request, nil
}

// decodeNothing accepts an empty body and {}, for operations that take no body.
func decodeNothing(c echo.Context) error {
	_, err := decodeOptional[struct{}](c)
	return err
}

// requiredBody returns the body, or an error if it is empty.
func requiredBody(c echo.Context) ([]byte, error) {
	body := bodyOf(c)
	if blank(body) {
		return nil, webhook.Invalid("empty_body", "", "the body is empty; send a JSON object")
	}
	return body, nil
}

// decodeJSON decodes a whole body.
func decodeJSON(body []byte, request any) error { return decodeText("the body", body, request) }

// decodePatch decodes a whole body whose fields may be null.
func decodePatch(body []byte, request any) error {
	if err := checkJSON("the body", body, true); err != nil {
		return err
	}
	return unmarshal("the body", body, request)
}

// decodeText decodes a JSON text. Errors call the text by the name.
func decodeText(name string, text []byte, request any) error {
	if err := checkJSON(name, text, false); err != nil {
		return err
	}
	return unmarshal(name, text, request)
}

// unmarshal decodes a checked text.
func unmarshal(name string, text []byte, request any) error {
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

// checkJSON checks a text before it is decoded. It must be well-formed UTF-8 JSON, one object, without duplicate keys and not nested too
// deeply. No field of the object may be null unless nulls is set, because no type of the contract is nullable. Deeper values, such as an
// event's data, may be.
func checkJSON(name string, text []byte, nulls bool) error {
	decoder := jsontext.NewDecoder(bytes.NewBuffer(text)) // which is not copied, unlike what another reader reads
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
		case !nulls && token.Kind() == 'n' && decoder.StackDepth() == 1:
			field := fieldOf(decoder.StackPointer())
			return webhook.Invalid("null_not_allowed", field, fmt.Sprintf("%s must not be null; give it a value, or leave it out if it is optional", field))
		}
		if decoder.StackDepth() == 0 && !blank(text[decoder.InputOffset():]) {
			return webhook.Invalid("trailing_data", "", name+" must be one JSON object with nothing behind it")
		}
	}
}

// fieldOf converts a JSON pointer to the form in which details name fields, such as a.b[0]. A pointer does not distinguish an array's index
// from an object's key of digits. Only an event's data can have such keys. The result is shortened.
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

// shortened returns a text of a caller as an answer shows it: valid UTF-8 of bounded length.
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
	case reflect.Int, reflect.Int64:
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
