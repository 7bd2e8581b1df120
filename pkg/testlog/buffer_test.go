package testlog_test

import (
	"fmt"
	"log/slog"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"

	"redrive/pkg/testlog"
)

func TestBufferConcurrentWritesKeepsAll(t *testing.T) {
	t.Parallel()
	var buffer testlog.Buffer
	var writers sync.WaitGroup
	for writer := range 8 {
		writers.Go(func() {
			for range 100 {
				fmt.Fprintf(&buffer, "writer %d\n", writer)
				_ = buffer.String()
			}
		})
	}
	writers.Wait()
	assert.Equal(t, 800, buffer.Count("writer "))
	assert.Equal(t, 100, buffer.Count("writer 7\n"))
	assert.Len(t, buffer.Lines(), 800)
}

func TestBufferLines(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"":             nil,
		"one\n":        {"one"},
		"one\n\ntwo":   {"one", "", "two"},
		"one\ntwo\n\n": {"one", "two", ""},
	} {
		var buffer testlog.Buffer
		fmt.Fprint(&buffer, text)
		assert.Equal(t, want, buffer.Lines(), "%q", text)
	}
}

func TestBufferRecordsByMessage(t *testing.T) {
	t.Parallel()
	var buffer testlog.Buffer
	log := slog.New(slog.NewJSONHandler(&buffer, nil))
	log.Info("request", "status", 200)
	fmt.Fprintln(&buffer, "request, and no JSON")
	log.Info("attempt", "status", 500)
	log.Info("request", "status", 404)
	records := buffer.Records("request")
	if assert.Len(t, records, 2) {
		assert.InDelta(t, 200, records[0]["status"], 0)
		assert.InDelta(t, 404, records[1]["status"], 0)
	}
	assert.Empty(t, buffer.Records("start"))
}
