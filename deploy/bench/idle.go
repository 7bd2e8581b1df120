package bench

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"redrive/deploy/bench/report"
)

// roundIdle counts the commands that an idle API and an idle dispatcher send to Redis, including the commands that scripts call.
func roundIdle(ctx context.Context, s *session) error {
	running, err := s.cleared(ctx)
	if err != nil {
		return err
	}
	v := running.(*services)
	if err := s.measureIdle(ctx, v, rowIdle); err != nil {
		return err
	}
	for range idleDispatchers - 1 {
		stop, err := v.another()
		if err != nil {
			return err
		}
		defer stop()
	}
	return s.measureIdle(ctx, v, report.Detail(rowIdle, detailThree))
}

const (
	idleDispatchers = 3
	detailThree     = "3 dispatchers"
)

// measureIdle counts commands for a period.
func (s *session) measureIdle(ctx context.Context, v *services, row string) error {
	s.progress.say("%s: for %s", row, s.amounts.idle)
	const counter = "total_commands_processed"
	before, err := v.information(ctx, "stats", counter)
	if err != nil {
		return err
	}
	began := time.Now()
	select {
	case <-time.After(s.amounts.idle):
	case <-ctx.Done():
		return ctx.Err()
	}
	elapsed := time.Since(began)
	after, err := v.information(ctx, "stats", counter)
	if err != nil {
		return err
	}
	const ours = 1 // The first INFO command. The second one is not in its own count.
	s.samples.Add(row, report.Rate(int(after-before)-ours, elapsed))
	return nil
}

// redisFigure reads a number from INFO.
func redisFigure(ctx context.Context, client redis.UniversalClient, section, name string) (float64, error) {
	text, err := client.Info(ctx, section).Result()
	if err != nil {
		return 0, fmt.Errorf("ask Redis for its %s: %w", section, err)
	}
	value, found := infoField(text, name)
	if !found {
		return 0, fmt.Errorf("ask Redis for its %s: there is no %s", section, name)
	}
	number, err := strconv.ParseFloat(value, 64)
	if err != nil {
		return 0, fmt.Errorf("ask Redis for its %s: %w", section, err)
	}
	return number, nil
}

func infoField(text, name string) (value string, found bool) {
	for line := range strings.Lines(text) {
		if value, found := strings.CutPrefix(line, name+":"); found {
			return strings.TrimSpace(value), true
		}
	}
	return "", false
}
