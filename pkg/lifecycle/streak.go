package lifecycle

import (
	"context"
	"log/slog"
	"sync/atomic"
)

// Streak turns the results of repeated work into the two that are worth a log line: the first of several failures, and the first success
// after them. The zero value is ready for use, and a Streak is safe for concurrent use.
type Streak struct{ failing atomic.Bool }

// Note notes a result. It returns began for the first of several errors, and ended for the first success after them.
func (s *Streak) Note(err error) (began, ended bool) {
	failed := s.failing.Swap(err != nil)
	return err != nil && !failed, err == nil && failed
}

// Report notes a result of work that stops with ctx. It writes the message failed for the first of several errors, as a warning with the
// error, and the message again for the first success after them. It does nothing after the end of ctx.
func (s *Streak) Report(ctx context.Context, log *slog.Logger, err error, failed, again string) {
	if ctx.Err() != nil {
		return
	}
	switch began, ended := s.Note(err); {
	case began:
		log.WarnContext(ctx, failed, "error", err)
	case ended:
		log.InfoContext(ctx, again)
	}
}
