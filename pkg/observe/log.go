// Package observe is what an operator sees of a process: its log, its metrics and its health.
package observe

import (
	"io"
	"log/slog"
)

// NewLogger makes a logger in the format json or text. Field names are those of the API: deliveryId, endpointId, requestId.
func NewLogger(w io.Writer, level slog.Level, format string) *slog.Logger {
	options := &slog.HandlerOptions{Level: level}
	if format == "text" {
		return slog.New(slog.NewTextHandler(w, options))
	}
	return slog.New(slog.NewJSONHandler(w, options))
}
