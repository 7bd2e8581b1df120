package httpapi

import (
	"bytes"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"redrive/pkg/webhook"
)

const maxBody = 1 << 20 // bytes

// bodyInContext is the key of the body that readBody has read.
const bodyInContext = "body"

func bodyOf(c echo.Context) []byte {
	body, _ := c.Get(bodyInContext).([]byte)
	return body
}

func tooLargeFor(limit int64) error {
	return &refusal{http.StatusRequestEntityTooLarge, "body_too_large", fmt.Sprintf("the body must not be larger than %d bytes", limit)}
}

// blank reports whether a body has only JSON white space. The decoder refuses other white space.
func blank(body []byte) bool { return len(bytes.Trim(body, " \t\r\n")) == 0 }

// readBody reads a body of up to limit bytes. It returns an error unless the body is declared as JSON.
func readBody(c echo.Context, limit int64) ([]byte, error) {
	// MaxBytesReader tells net/http's own writer to close the connection instead of reading the rest.
	var body bytes.Buffer
	body.Grow(int(max(0, c.Request().ContentLength)) + bytes.MinRead)
	_, err := body.ReadFrom(http.MaxBytesReader(c.Response().Writer, c.Request().Body, limit))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, tooLargeFor(limit)
	case err != nil:
		return nil, webhook.Invalid("unreadable_body", "", "the body did not arrive in full and in time")
	}
	allow(c, 1)
	if body.Len() > 0 && !saysJSON(c.Request()) {
		return nil, &refusal{http.StatusUnsupportedMediaType, "unsupported_media_type", "the body must be JSON: send the header Content-Type: application/json"}
	}
	return body.Bytes(), nil
}

// saysJSON reports whether the content type is JSON, or for PATCH a merge patch. A body without a content type is decoded as JSON too.
func saysJSON(request *http.Request) bool {
	value := request.Header.Get(echo.HeaderContentType)
	if value == "" {
		return true
	}
	mediaType, parameters, err := mime.ParseMediaType(value)
	charset := strings.ToLower(parameters["charset"])
	known := mediaType == echo.MIMEApplicationJSON || request.Method == http.MethodPatch && mediaType == mergePatch
	return err == nil && known && (charset == "" || charset == "utf-8")
}
