package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

// partition divides the large tables by month. It can be interrupted and run again at any time.
func partition(ctx context.Context, environ []string, stdout io.Writer) error {
	return withKeys(ctx, environ, func(s *store.Store) error {
		began := time.Now()
		converted, err := s.PartitionByMonth(ctx, webhook.Now(), func(step string) { _, _ = fmt.Fprintln(stdout, step) })
		if err != nil {
			return fmt.Errorf("%w; the tables are as they were: run the command again", err)
		}
		if !converted {
			_, err = fmt.Fprintln(stdout, "the tables are divided by month already")
			return err
		}
		_, err = fmt.Fprintf(stdout, "the tables are divided by month, after %s\n", time.Since(began).Round(time.Millisecond))
		return err
	})
}
