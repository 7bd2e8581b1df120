package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"redrive/deploy/bench/report"
)

// searching sends the same searches to two databases in turn: a small one and a large one.
type searching struct {
	small, large *searched
}

const (
	// searchWarmUp is the number of requests of each kind that are not measured in a round.
	searchWarmUp = 3
	// deepPages and deepItems are the distance of a deep page from the first one. A shorter list is read to its end.
	deepPages, deepItems = 50, 100
	// searchFactor and searchAllowance are the permitted increase of a search's time with many rows.
	searchFactor, searchAllowance = 1.5, 5 // ms
)

func (g *searching) round(ctx context.Context, s *session) error {
	if g.large == nil {
		if err := g.start(ctx, s); err != nil {
			return err
		}
	}
	for _, one := range []struct {
		row     string
		measure func(context.Context, *session) error
	}{
		{rowGrowthSearch, g.measureSearches},
		{rowGrowthScan, g.measureScans},
		{rowGrowthCursor, g.measureCursors},
		{rowGrowthPlan, g.measurePlans},
		{rowGrowthStats, g.measureStatistics},
		{rowConsole, g.measureConsole},
	} {
		if !s.wants(one.row) {
			continue
		}
		if err := one.measure(ctx, s); err != nil {
			return fmt.Errorf("%s: %w", one.row, err)
		}
	}
	return nil
}

func (g *searching) start(ctx context.Context, s *session) error {
	programs, err := s.programs()
	if err != nil {
		return err
	}
	s.progress.say("searching: filling in %d rows", s.options.Rows)
	var small, large *searched
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		small, err = startSearched(groupCtx, s, programs, "search_small", redisSearchSmall, smallRows)
		return err
	})
	group.Go(func() (err error) {
		large, err = startSearched(groupCtx, s, programs, "search_large", redisSearchLarge, s.options.Rows)
		return err
	})
	if err := group.Wait(); err != nil {
		return err
	}
	g.small, g.large = small, large
	return nil
}

// probe is one page of one search, by its path on each side.
type probe struct {
	name         string
	small, large string
}

// measureSearches compares every indexed search, and reports the one that exceeds its permitted time most.
func (g *searching) measureSearches(ctx context.Context, s *session) error {
	var worst struct{ small, large, allowed float64 }
	name := ""
	for _, search := range indexedSearches {
		probes, err := g.pages(ctx, search)
		if err != nil {
			return err
		}
		for _, p := range probes {
			small, large, err := g.compare(ctx, s, p)
			if err != nil {
				return err
			}
			allowed := searchFactor*small + searchAllowance
			s.progress.say("%s: %s: %.1f ms %s, %.1f ms with %d", rowGrowthSearch, p.name, small, detailSmall, large, g.large.rows)
			if name == "" || large/allowed > worst.large/worst.allowed {
				name, worst.small, worst.large, worst.allowed = p.name, small, large, allowed
			}
		}
	}
	s.samples.Add(rowGrowthSearch, worst.large)
	s.samples.Note(rowGrowthSearch, "the worst is "+name)
	s.samples.Add(report.Detail(rowGrowthSearch, detailSmall), worst.small)
	s.samples.Add(report.Detail(rowGrowthSearch, detailAllowed), worst.allowed)
	return nil
}

// compare returns the medians of a page on both sides.
func (g *searching) compare(ctx context.Context, s *session, p probe) (small, large float64, err error) {
	var answer bytes.Buffer
	return alternate(searchWarmUp, s.amounts.search,
		func() error { return g.small.send(ctx, http.MethodGet, p.small, nil, &answer) },
		func() error { return g.large.send(ctx, http.MethodGet, p.large, nil, &answer) })
}

// pages returns the first page of a search, and a deep one if both lists have more than one page.
func (g *searching) pages(ctx context.Context, search string) ([]probe, error) {
	const page = "&limit=20"
	small, large := g.small.values.Replace(search), g.large.values.Replace(search)
	probes := []probe{{search + ", first page", small + page, large + page}}
	smallCursor, err := g.small.deepCursor(ctx, small)
	if err != nil {
		return nil, err
	}
	largeCursor, err := g.large.deepCursor(ctx, large)
	if err != nil {
		return nil, err
	}
	if smallCursor != "" && largeCursor != "" {
		probes = append(probes, probe{search + ", deep page", small + page + "&cursor=" + smallCursor, large + page + "&cursor=" + largeCursor})
	}
	return probes, nil
}

// deepCursor follows a list for some pages, and returns the last cursor. It is empty for a list of one page.
func (t *searched) deepCursor(ctx context.Context, path string) (cursor string, err error) {
	for range deepPages {
		next, err := t.nextCursor(ctx, fmt.Sprintf("%s&bodies=false&limit=%d", path, deepItems), cursor)
		if err != nil || next == "" {
			return cursor, err
		}
		cursor = next
	}
	return cursor, nil
}

// nextCursor reads the page at a cursor and returns the cursor of the next page. It is empty after the last one.
func (t *searched) nextCursor(ctx context.Context, path, cursor string) (string, error) {
	if cursor != "" {
		path += "&cursor=" + cursor
	}
	var answer bytes.Buffer
	if err := t.send(ctx, http.MethodGet, path, nil, &answer); err != nil {
		return "", err
	}
	var page struct{ Data struct{ NextCursor string } }
	if err := json.Unmarshal(answer.Bytes(), &page); err != nil {
		return "", fmt.Errorf("read a page: %w", err)
	}
	return page.Data.NextCursor, nil
}

// scanPages is the number of pages of each scan that are read, if the list has as many.
const scanPages = 10

// measureScans reads the first pages of every other search, and reports the slowest page.
func (g *searching) measureScans(ctx context.Context, s *session) error {
	var worst struct{ small, large time.Duration }
	name := ""
	for _, search := range otherSearches {
		small, err := g.small.slowestPage(ctx, search)
		if err != nil {
			return err
		}
		large, err := g.large.slowestPage(ctx, search)
		if err != nil {
			return err
		}
		s.progress.say("%s: %s: %s %s, %s with %d", rowGrowthScan, search, small, detailSmall, large, g.large.rows)
		if name == "" || large > worst.large {
			name, worst.small, worst.large = search, small, large
		}
	}
	s.samples.Add(rowGrowthScan, report.Milliseconds(worst.large))
	s.samples.Note(rowGrowthScan, "the worst is "+name)
	s.samples.Add(report.Detail(rowGrowthScan, detailSmall), report.Milliseconds(worst.small))
	return nil
}

func (t *searched) slowestPage(ctx context.Context, search string) (slowest time.Duration, err error) {
	path, cursor := t.values.Replace(search)+"&limit=20", ""
	for range scanPages {
		began := time.Now()
		if cursor, err = t.nextCursor(ctx, path, cursor); err != nil {
			return 0, err
		}
		slowest = max(slowest, time.Since(began))
		if cursor == "" {
			break
		}
	}
	return slowest, nil
}
