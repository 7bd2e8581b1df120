package httpapi

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"redrive/pkg/webhook"
)

const maxBody = 1 << 20 // bytes

// bodyInContext is the request's body, as readBody read it.
const bodyInContext = "body"

func bodyOf(c echo.Context) []byte {
	body, _ := c.Get(bodyInContext).([]byte)
	return body
}

func tooLargeFor(limit int64) error {
	return &refusal{http.StatusRequestEntityTooLarge, "body_too_large", fmt.Sprintf("the body must not be larger than %d bytes", limit)}
}

// blank knows JSON's own white space alone: the decoder refuses any other.
func blank(body []byte) bool { return len(bytes.Trim(body, " \t\r\n")) == 0 }

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
	allow(c, 1)
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
