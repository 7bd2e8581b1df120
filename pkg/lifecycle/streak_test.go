package lifecycle

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestStreakReportsFirstErrorAndFirstSuccess(t *testing.T) {
	var s Streak
	failed := errors.New("unavailable")
	for i, step := range []struct {
		err          error
		began, ended bool
	}{
		{nil, false, false}, {failed, true, false}, {failed, false, false}, {nil, false, true}, {nil, false, false}, {failed, true, false},
	} {
		began, ended := s.Note(step.err)
		assert.Equal(t, [2]bool{step.began, step.ended}, [2]bool{began, ended}, "step %d", i)
	}
}

func TestStreakWritesTwoLines(t *testing.T) {
	var written bytes.Buffer
	log := slog.New(slog.NewTextHandler(&written, nil))
	ctx, cancel := context.WithCancel(t.Context())
	var s Streak
	for _, err := range []error{nil, errors.New("one"), errors.New("two"), nil, nil} {
		s.Report(ctx, log, err, "work failed", "work continues")
	}
	cancel()
	s.Report(ctx, log, ctx.Err(), "work failed", "work continues")
	lines := strings.Split(strings.TrimSpace(written.String()), "\n")
	assert.Len(t, lines, 2)
	assert.Contains(t, lines[0], `level=WARN msg="work failed" error=one`)
	assert.Contains(t, lines[1], `level=INFO msg="work continues"`)
}
