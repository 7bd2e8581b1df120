package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

func manageStatistics(ctx context.Context, args, environ []string, stdout io.Writer) error {
	switch {
	case len(args) == 1 && (args[0] == "--help" || args[0] == "-h"):
		_, err := fmt.Fprint(stdout, usage)
		return err
	case len(args) == 1 && args[0] == "backfill":
		return withKeys(ctx, environ, func(s *store.Store) error { return backfillStatistics(ctx, s, stdout) })
	}
	return invalid("stats needs backfill; try --help")
}

// backfillStatistics counts what processes have done that do not count. It can be interrupted and run again at any time. It prints a line for
// each day.
func backfillStatistics(ctx context.Context, s *store.Store, stdout io.Writer) error {
	var day dayCounted
	err := s.BackfillStatistics(ctx, webhook.Now(), func(done store.Backfilled) {
		if day.intervals > 0 && day.day != done.From.Day() {
			day.print(stdout)
			day = dayCounted{}
		}
		day.day = done.From.Day()
		day.intervals++
		day.replaced += done.Replaced
		day.kept += done.Kept
	})
	if day.intervals > 0 {
		day.print(stdout)
	}
	if err != nil {
		return fmt.Errorf("%w; what was counted stays counted: run the command again", err)
	}
	_, err = fmt.Fprintln(stdout, "everything is counted that the database has")
	return err
}

// dayCounted is what a backfill did with a day.
type dayCounted struct {
	day                       webhook.Day
	intervals, replaced, kept int
}

func (d dayCounted) print(stdout io.Writer) {
	_, _ = fmt.Fprintf(stdout, "%s: %d counts of organizations replaced, %d left as they were\n",
		d.day.FirstHour().Start().Format(time.DateOnly), d.replaced, d.kept)
}
