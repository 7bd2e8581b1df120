package httpapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"runtime/debug"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	metric "redrive/pkg/observe"
	"redrive/pkg/profile"
	"redrive/pkg/tracing"
	"redrive/pkg/webhook"
)

// plainRequestID matches the request IDs that are accepted from a caller. Others could break a log line or a header and are replaced.
var plainRequestID = regexp.MustCompile(`^[A-Za-z0-9._-]{1,128}$`)

// requestID gives every request an ID, which is in every answer and every log line.
func requestID(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		id := c.Request().Header.Get(echo.HeaderXRequestID)
		if !plainRequestID.MatchString(id) {
			id = webhook.NewID(webhook.KindRequest, time.Now())
		}
		c.Response().Header().Set(echo.HeaderXRequestID, id)
		return next(c)
	}
}

func requestIDOf(c echo.Context) string { return c.Response().Header().Get(echo.HeaderXRequestID) }

// observe turns a panic into an error, answers errors, and logs and counts the request after the answer. After an error behind the first
// byte of the answer it aborts the connection.
func observe(log *slog.Logger, metrics prometheus.Registerer) echo.MiddlewareFunc {
	requests := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "redrive_http_request_duration_seconds", Help: "Duration of API requests in seconds, by method, route and class of status.",
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10},
	}, []string{"method", "route", "status"})
	metrics.MustRegister(requests)

	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			profile.Accept.Begin() // the connection's goroutine keeps it, so that it covers net/http
			if _, inside := insideIdentity(c.Request()); inside {
				return unobserved(next, c)
			}
			start := time.Now()
			err := recovered(next, c)
			aborted := err != nil && c.Response().Committed
			if err != nil {
				c.Error(err)
			}
			took := time.Since(start)
			status := statusOf(c, err, aborted)
			requests.WithLabelValues(knownMethod(c), routeOf(c), metric.StatusClasses[metric.StatusClass(status)]).Observe(took.Seconds())
			nameSpan(c)
			log.LogAttrs(c.Request().Context(), levelOf(status, err), "request", attributes(c, took, err)...)
			if aborted {
				panic(http.ErrAbortHandler) // the client must not take what it has for the whole answer
			}
			return nil
		}
	}
}

// statusOf returns the status that a request counts with. An answer that failed after its first byte counts as a failure of the service,
// unless the client caused it.
func statusOf(c echo.Context, err error, aborted bool) int {
	var client *clientError
	if aborted && !errors.As(err, &client) {
		return http.StatusInternalServerError
	}
	return c.Response().Status
}

// nameSpan sets the name and the attributes of the request's span, if there is one.
func nameSpan(c echo.Context) {
	span := trace.SpanFromContext(c.Request().Context())
	if !span.IsRecording() {
		return
	}
	span.SetName(knownMethod(c) + " " + routeOf(c))
	span.SetAttributes(attribute.String("http.route", routeOf(c)), attribute.String("requestId", requestIDOf(c)))
	if key := caller(c); key.ID != "" {
		span.SetAttributes(attribute.String("organizationId", key.OrganizationID))
	}
	if id, ok := c.Get(subjectInContext).(string); ok {
		span.SetAttributes(attribute.String("id", id))
	}
}

func recovered(next echo.HandlerFunc, c echo.Context) (err error) {
	defer func() {
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler:
			panic(p) // net/http closes the connection
		default:
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return next(c)
}

// attributes returns the attributes of the log line. They do not include the path, which can hold anything; the route is enough.
func attributes(c echo.Context, took time.Duration, err error) []slog.Attr {
	attrs := []slog.Attr{
		slog.String("requestId", requestIDOf(c)),
		slog.String("method", knownMethod(c)),
		slog.String("route", routeOf(c)),
		slog.Int("status", c.Response().Status),
		slog.Float64("durationMs", float64(took.Microseconds())/1000),
		slog.String("remote", c.Request().RemoteAddr),
		slog.String("client", client(c).String()),
	}
	if key := caller(c); key.ID != "" {
		attrs = append(attrs, slog.String("organizationId", key.OrganizationID), slog.String("apiKeyId", key.ID))
	}
	if id, ok := c.Get(subjectInContext).(string); ok {
		attrs = append(attrs, slog.String("id", id))
	}
	if id := tracing.ID(c.Request().Context()); id != "" {
		attrs = append(attrs, slog.String("traceId", id))
	}
	var known *webhook.Error
	switch {
	case errors.As(err, &known) && len(known.Details) > 0 && known.Err == nil:
		attrs = append(attrs, slog.String("reason", known.Details[0].Reason))
	case err != nil:
		attrs = append(attrs, slog.Any("error", err))
	}
	return attrs
}

// levelOf returns the level error for failures of the service. A caller that disconnected is not one.
func levelOf(status int, err error) slog.Level {
	if status >= http.StatusInternalServerError && !errors.Is(err, context.Canceled) {
		return slog.LevelError
	}
	return slog.LevelInfo
}

// routeOf and knownMethod return values from bounded sets, because they are labels of metrics.
func routeOf(c echo.Context) string {
	if path := c.Path(); path != "" {
		return path
	}
	return "unknown"
}

func knownMethod(c echo.Context) string {
	switch method := c.Request().Method; method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return method
	}
	return "other"
}
