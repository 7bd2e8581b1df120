// Package observe provides the log, the metrics and the health checks of a process.
package observe

import (
	"io"
	"log/slog"
)

// timeLayout is the layout of times in the API. It has a fixed width, so that lines of several processes can be sorted by time.
const timeLayout = "2006-01-02T15:04:05.000000Z"

// NewLogger returns a logger that writes to w in the format "json" or "text". Attributes are named like the API's fields: deliveryId,
// endpointId, requestId.
func NewLogger(w io.Writer, level slog.Level, format string) *slog.Logger {
	options := &slog.HandlerOptions{Level: level, ReplaceAttr: showTime}
	if format == "text" {
		return slog.New(slog.NewTextHandler(w, options))
	}
	return slog.New(slog.NewJSONHandler(w, options))
}

// showTime formats all times with timeLayout. The default layouts of slog vary in width and time zone.
func showTime(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindTime {
		a.Value = slog.StringValue(a.Value.Time().UTC().Format(timeLayout))
	}
	return a
}
