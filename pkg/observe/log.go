// Package observe is what an operator sees of a process: its log, its metrics and its health.
package observe

import (
	"io"
	"log/slog"
)

// timeLayout is that of the API's times: of one width, so that lines of several processes sort by it.
const timeLayout = "2006-01-02T15:04:05.000000Z"

// NewLogger makes a logger in the format json or text. Field names are those of the API: deliveryId, endpointId, requestId.
func NewLogger(w io.Writer, level slog.Level, format string) *slog.Logger {
	options := &slog.HandlerOptions{Level: level, ReplaceAttr: showTime}
	if format == "text" {
		return slog.New(slog.NewTextHandler(w, options))
	}
	return slog.New(slog.NewJSONHandler(w, options))
}

// showTime writes every time of a line in timeLayout; slog's own layouts differ in their width and their zone.
func showTime(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindTime {
		a.Value = slog.StringValue(a.Value.Time().UTC().Format(timeLayout))
	}
	return a
}
