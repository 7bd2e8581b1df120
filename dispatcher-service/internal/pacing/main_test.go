package pacing

import (
	"log/slog"
	"testing"

	"go.uber.org/goleak"

	"redrive/pkg/queue"
	"redrive/pkg/testservers"
)

func TestMain(m *testing.M) {
	queue.LogTo(slog.New(slog.DiscardHandler))
	goleak.VerifyTestMain(testservers.Suite(m))
}
