package httpapi

import (
	"bytes"
	"context"
	"errors"
	"math"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"redrive/pkg/envelope"
	"redrive/pkg/webhook"
)

// refusal is an error of the HTTP layer, which the domain does not know.
type refusal struct {
	status  int
	reason  string
	message string
}

func (r *refusal) Error() string { return r.message }

// refusals replaces Echo's own errors.
var refusals = map[int]*refusal{
	http.StatusNotFound:         {http.StatusNotFound, "route_not_found", "there is no such route; the routes are listed at /openapi.yaml"},
	http.StatusMethodNotAllowed: {http.StatusMethodNotAllowed, "method_not_allowed", "this route does not take the method; the header Allow lists those that it takes"},
}

// handleError answers a request that failed, in the envelope.
func handleError(err error, c echo.Context) {
	if c.Response().Committed {
		return // the status has been sent
	}
	failure := failureOf(err, requestIDOf(c))
	header := c.Response().Header()
	header.Del(headerReplayed)
	if failure.RetryAfter > 0 {
		header.Set(echo.HeaderRetryAfter, strconv.Itoa(int(math.Ceil(failure.RetryAfter.Seconds()))))
	}
	if failure.Code == http.StatusUnauthorized && header.Get(echo.HeaderWWWAuthenticate) == "" {
		header.Set(echo.HeaderWWWAuthenticate, `Bearer realm="redrive"`)
	}
	var body bytes.Buffer
	if encode(&body, failure) != nil {
		_ = c.NoContent(failure.Code)
		return
	}
	// The length lets the client see the end of the answer before the server has read the rest of the request. See package linger.
	header.Set(echo.HeaderContentLength, strconv.Itoa(body.Len()))
	_ = c.Blob(failure.Code, echo.MIMEApplicationJSON, body.Bytes()) // an error means that the connection is gone
}

func failureOf(err error, requestID string) envelope.Failure {
	var refused *refusal
	var echoed *echo.HTTPError
	if errors.As(err, &echoed) {
		refused = refusals[echoed.Code]
	}
	if refused != nil || errors.As(err, &refused) {
		return envelope.Refuse(refused.status, refused.reason, refused.message, requestID)
	}
	if errors.Is(err, context.Canceled) {
		// The caller has disconnected or the server is stopping. This answer is not read.
		return envelope.Refuse(http.StatusServiceUnavailable, "canceled", "the request was given up before it was answered", requestID)
	}
	if errors.Is(err, context.DeadlineExceeded) && webhook.CodeOf(err) == webhook.CodeInternal {
		err = webhook.Unavailable(databaseRetryAfter, err) // the database took too long
	}
	return envelope.Fail(err, requestID)
}
