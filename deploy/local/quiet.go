package local

import (
	"context"
	"io"
	"log/slog"

	"redrive/pkg/observe"
)

// NewLogger returns the logger of local mode. At the level warn it also writes attempts, which are logged at info, but not requests.
func NewLogger(w io.Writer, level slog.Level, format string) *slog.Logger {
	handler := observe.NewLogger(w, min(level, slog.LevelInfo), format).Handler()
	return slog.New(attemptsToo{handler, level})
}

// attemptMessage is the message that the dispatcher logs for each attempt.
const attemptMessage = "attempt"

type attemptsToo struct {
	slog.Handler
	level slog.Level
}

func (h attemptsToo) Enabled(_ context.Context, level slog.Level) bool {
	return level >= h.level || level == slog.LevelInfo && h.level == slog.LevelWarn
}

func (h attemptsToo) Handle(ctx context.Context, r slog.Record) error {
	if r.Level < h.level && r.Message != attemptMessage {
		return nil
	}
	return h.Handler.Handle(ctx, r) //nolint:wrapcheck // the handler is the same to its caller
}

func (h attemptsToo) WithAttrs(attrs []slog.Attr) slog.Handler {
	return attemptsToo{h.Handler.WithAttrs(attrs), h.level}
}

func (h attemptsToo) WithGroup(name string) slog.Handler {
	return attemptsToo{h.Handler.WithGroup(name), h.level}
}
