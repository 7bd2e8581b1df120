package local_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"redrive/deploy/local"
)

func TestLoggerLevelWarnShowsAttemptsAndWarnings(t *testing.T) {
	for level, want := range map[slog.Level][]string{
		slog.LevelDebug: {"debugging", "request", "attempt", "warned", "failed"},
		slog.LevelInfo:  {"request", "attempt", "warned", "failed"},
		slog.LevelWarn:  {"attempt", "warned", "failed"},
		slog.LevelError: {"failed"},
	} {
		var text bytes.Buffer
		log := local.NewLogger(&text, level, "text").With("a", 1).WithGroup("g")
		log.Debug("debugging")
		log.Info("request")
		log.Info("attempt")
		log.Warn("warned")
		log.Error("failed")
		var shown []string
		for line := range strings.Lines(text.String()) {
			_, message, _ := strings.Cut(line, "msg=")
			message, _, _ = strings.Cut(message, " ")
			shown = append(shown, message)
		}
		assert.Equal(t, want, shown, level)
	}
}
