package bench

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"redrive/deploy/bench/report"
)

// The details of growth.
const (
	detailSmall        = "with 10 thousand"
	detailListEndpoint = "list of an endpoint"
	detailGet          = "get"
	detailPublish      = "publish"
)

// growth sends the same requests to two databases in turn: a small one and a large one. Each has an API of its own and no dispatcher.
type growth struct {
	small, large *grown
}

// growthWarmUp is the number of requests of each kind that are not measured in a round.
const growthWarmUp = 20

func (g *growth) round(ctx context.Context, s *session) error {
	if g.large == nil {
		if err := g.start(ctx, s); err != nil {
			return err
		}
	}
	if s.wants(rowDatabaseBytes) {
		if err := g.large.addSize(ctx, &s.samples); err != nil {
			return fmt.Errorf("%s: %w", rowDatabaseBytes, err)
		}
	}
	var answer bytes.Buffer
	for _, kind := range []struct {
		row, detail string
		do          func(ctx context.Context, g *grown, answer *bytes.Buffer) error
	}{
		{rowGrowthRetry, "", retryAny},
		{rowGrowthList, "", listNewest},
		{rowGrowthList, detailListEndpoint, listOfEndpoint},
		{rowGrowthList, detailGet, getAny},
		{rowGrowthList, detailPublish, publishOne},
	} {
		if !s.wants(kind.row) {
			continue
		}
		s.progress.say("%s: %d requests to each", strings.TrimSpace(kind.row+" "+kind.detail), s.amounts.growth)
		small, large, err := alternate(growthWarmUp, s.amounts.growth,
			func() error { return kind.do(ctx, g.small, &answer) }, func() error { return kind.do(ctx, g.large, &answer) })
		if err != nil {
			return fmt.Errorf("%s: %w", kind.row, err)
		}
		s.addGrowth(kind.row, kind.detail, small, large)
	}
	return nil
}

// alternate calls two functions in turn and returns the medians of both in milliseconds. The first calls of each are not measured.
func alternate(warmUp, count int, small, large func() error) (smallMedian, largeMedian float64, err error) {
	var took [2][]time.Duration
	for i := range warmUp + count {
		for side, do := range []func() error{small, large} {
			began := time.Now()
			if err := do(); err != nil {
				return 0, 0, err
			}
			if i >= warmUp {
				took[side] = append(took[side], time.Since(began))
			}
		}
	}
	median := func(durations []time.Duration) float64 { return report.Milliseconds(report.Percentile(durations, 0.5)) }
	return median(took[0]), median(took[1]), nil
}

// addGrowth adds the values of a row, or of a detail, for both tables.
func (s *session) addGrowth(row, detail string, small, large float64) {
	name, prefix := row, ""
	if detail != "" {
		name, prefix = report.Detail(row, detail), detail+" "
	}
	s.samples.Add(name, large)
	s.samples.Add(report.Detail(row, prefix+detailSmall), small)
}

func (g *growth) start(ctx context.Context, s *session) error {
	programs, err := s.programs()
	if err != nil {
		return err
	}
	s.progress.say("growing: filling in %d rows", s.options.Rows)
	group, ctx := errgroup.WithContext(ctx)
	start := func(name string, redisNumber, rows int) (*grown, error) {
		one, err := startGrown(ctx, s, programs, name, redisNumber, rows)
		if err != nil {
			return nil, err
		}
		return one, one.fill(ctx)
	}
	group.Go(func() (err error) { g.small, err = start("growth_small", redisSmall, smallRows); return err })
	group.Go(func() (err error) { g.large, err = start("growth_large", redisLarge, s.options.Rows); return err })
	return group.Wait()
}

func retryAny(ctx context.Context, g *grown, answer *bytes.Buffer) error {
	if len(g.failures) == 0 {
		return fmt.Errorf("all failures among %d rows have been retried: ask for fewer rounds", g.rows)
	}
	number := g.failures[0]
	g.failures = g.failures[1:]
	return g.send(ctx, http.MethodPost, retryPath(filledID(number)), nil, answer)
}

func listNewest(ctx context.Context, g *grown, answer *bytes.Buffer) error {
	return g.send(ctx, http.MethodGet, "/deliveries?limit=20", nil, answer)
}

func listOfEndpoint(ctx context.Context, g *grown, answer *bytes.Buffer) error {
	return g.send(ctx, http.MethodGet, "/deliveries?limit=20&endpointId="+g.endpoints[1], nil, answer)
}

func getAny(ctx context.Context, g *grown, answer *bytes.Buffer) error {
	return g.send(ctx, http.MethodGet, "/deliveries/"+filledID(1+rand.N(g.rows)), nil, answer)
}

func publishOne(ctx context.Context, g *grown, answer *bytes.Buffer) error {
	return g.send(ctx, http.MethodPost, pathEvents, g.body, answer)
}
