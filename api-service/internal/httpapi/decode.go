package httpapi

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"reflect"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/labstack/echo/v4"

	"redrive/pkg/webhook"
)

const (
	maxBody  = 1 << 20 // bytes
	maxDepth = 32      // nested objects and arrays
)

func tooLargeFor(limit int64) error {
	return &refusal{http.StatusRequestEntityTooLarge, "body_too_large", fmt.Sprintf("the body must not be larger than %d bytes", limit)}
}

// decode reads a body into a request strictly: one JSON object, no unknown or duplicate fields, no nulls, nothing behind it.
func decode[T any](c echo.Context) (T, error) {
	var request T
	body, err := readObject(c, maxBody)
	if err != nil {
		return request, err
	}
	return request, decodeJSON(body, &request)
}

// decodeOptional is decode for operations that can do without a body: an empty one is {}.
func decodeOptional[T any](c echo.Context) (T, error) {
	var request T
	body, err := readBody(c, maxBody)
	if err == nil && !blank(body) {
		err = decodeJSON(body, &request)
	}
	return request, err
}

// decodeNothing is for operations that take no body: an empty one and {} are fine.
func decodeNothing(c echo.Context) error {
	_, err := decodeOptional[struct{}](c)
	return err
}

// blank knows JSON's own white space alone: the decoder refuses any other.
func blank(body []byte) bool { return len(bytes.Trim(body, " \t\r\n")) == 0 }

// readObject is for operations that cannot do without a body.
func readObject(c echo.Context, limit int64) ([]byte, error) {
	body, err := readBody(c, limit)
	if err == nil && blank(body) {
		err = webhook.Invalid("empty_body", "", "the body is empty; send a JSON object")
	}
	return body, err
}

func readBody(c echo.Context, limit int64) ([]byte, error) {
	if c.Request().ContentLength > limit {
		return nil, tooLargeFor(limit) // before a byte of it is read
	}
	// The writer is net/http's own, so that it can be told to close the connection rather than to read on.
	body, err := io.ReadAll(http.MaxBytesReader(c.Response().Writer, c.Request().Body, limit))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, tooLargeFor(limit)
	case err != nil:
		return nil, webhook.Invalid("unreadable_body", "", "the body did not arrive in full and in time")
	}
	allow(c, databaseTimeout)
	if len(body) > 0 && !saysJSON(c.Request().Header) {
		return nil, &refusal{http.StatusUnsupportedMediaType, "unsupported_media_type", "the body must be JSON: send the header Content-Type: application/json"}
	}
	return body, nil
}

// saysJSON takes a body without a content type for JSON; it is decoded strictly all the same.
func saysJSON(header http.Header) bool {
	value := header.Get(echo.HeaderContentType)
	if value == "" {
		return true
	}
	mediaType, parameters, err := mime.ParseMediaType(value)
	charset := strings.ToLower(parameters["charset"])
	return err == nil && mediaType == echo.MIMEApplicationJSON && (charset == "" || charset == "utf-8")
}

func decodeJSON(body []byte, request any) error {
	if err := checkJSON(body); err != nil {
		return err
	}
	err := json.Unmarshal(body, request, json.RejectUnknownMembers(true))
	var semantic *json.SemanticError
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &semantic):
		return malformed(err)
	}
	field := fieldOf(semantic.JSONPointer)
	if errors.Is(err, json.ErrUnknownName) {
		return webhook.Invalid("unknown_field", field, fmt.Sprintf("there is no field %s here; check its spelling and case", field))
	}
	return webhook.Invalid("invalid_type", field, fmt.Sprintf("%s must be %s", field, typeName(semantic.GoType)))
}

// checkJSON looks at the text as a whole before anything is made of it: well-formed in UTF-8, no duplicate keys, one object,
// not too deep, and no null where a field is expected (the contract's types are not nullable; what an event's data holds is
// its own affair).
func checkJSON(body []byte) error {
	decoder := jsontext.NewDecoder(bytes.NewReader(body))
	if kind := decoder.PeekKind(); kind != '{' && kind != jsontext.KindInvalid {
		return webhook.Invalid("invalid_type", "", "the body must be a JSON object")
	}
	for {
		token, err := decoder.ReadToken()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return malformed(err)
		case decoder.StackDepth() > maxDepth:
			return webhook.Invalid("too_deep", "", fmt.Sprintf("the body nests deeper than %d levels", maxDepth))
		case token.Kind() == 'n' && decoder.StackDepth() == 1:
			field := fieldOf(decoder.StackPointer())
			return webhook.Invalid("null_not_allowed", field, fmt.Sprintf("%s must not be null; give it a value, or leave it out if it is optional", field))
		}
		if decoder.StackDepth() == 0 && !blank(body[decoder.InputOffset():]) {
			return webhook.Invalid("trailing_data", "", "the body must be one JSON object with nothing behind it")
		}
	}
}

func malformed(err error) error {
	var syntactic *jsontext.SyntacticError
	if !errors.As(err, &syntactic) {
		return webhook.Invalid("malformed_json", "", "the body is not well-formed JSON")
	}
	if errors.Is(err, jsontext.ErrDuplicateName) {
		field := fieldOf(syntactic.JSONPointer)
		return webhook.Invalid("duplicate_field", field, fmt.Sprintf("the field %s appears twice", field))
	}
	return webhook.Invalid("malformed_json", "", fmt.Sprintf("the body is not well-formed JSON (UTF-8): look at byte %d", syntactic.ByteOffset))
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
	field := strings.ToValidUTF8(path.String(), "?")
	const longest = 128
	if runes := []rune(field); len(runes) > longest {
		return string(runes[:longest]) + "…"
	}
	return field
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
