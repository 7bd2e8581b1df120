package store

import (
	"context"
	"time"
)

// counted is how many rows of a source were counted.
type counted struct {
	rows        int64
	first, last string // the IDs of the first and the last of them
	next        string // the position to continue at
	done        bool
	sample      []string // the first IDs
}

// counting says what to count: the rows after a position, up to most of them, for about as long as the budget. The first IDs are returned as
// a sample.
type counting struct {
	after  string
	most   int64
	budget time.Duration
	sample int
}

const (
	// countWindow and longestCountWindow bound the rows of one statement of a count. A window is four times as large as the one before
	// while that was fast.
	countWindow, longestCountWindow = 1024, 65536
	fastCount                       = 100 * time.Millisecond
)

// count counts rows. It is done if nothing follows or most are counted. After an error it returns what it has counted before.
func (b bulkSource) count(ctx context.Context, s *Store, wanted counting) (c counted, err error) {
	began := time.Now()
	c.next = wanted.after
	if b.empty {
		c.done = true
		return c, nil
	}
	for window := countWindow; ; {
		lap := time.Now()
		if err := b.countWindow(ctx, s, &c, window, wanted); err != nil {
			return c, err
		}
		if c.done || time.Since(began) > wanted.budget {
			return c, nil
		}
		if time.Since(lap) < fastCount {
			window = min(4*window, longestCountWindow)
		}
	}
}

// countWindow counts the rows of the next window. After an error, c is unchanged.
func (b bulkSource) countWindow(ctx context.Context, s *Store, c *counted, window int, wanted counting) (err error) {
	limit := int(min(wanted.most-c.rows, int64(window)))
	rows, end, err := b.window(ctx, s, c.next, window)
	if err != nil {
		return err
	}
	query, arguments := rows(limit)
	var found struct {
		Counted     int64
		First, Last string
	}
	err = s.planned(ctx).Raw("SELECT count(*) AS counted, COALESCE(min(id), '') AS first, COALESCE(max(id), '') AS last FROM ("+query+") counting",
		arguments...).Scan(&found).Error
	if err != nil {
		return err
	}
	var sample []string
	if missing := min(wanted.sample-len(c.sample), int(found.Counted)); missing > 0 {
		query, arguments := rows(missing)
		if err := s.planned(ctx).Raw(query, arguments...).Scan(&sample).Error; err != nil {
			return err
		}
	}
	c.sample = append(c.sample, sample...)
	if c.first == "" {
		c.first = found.First
	}
	if found.Last != "" {
		c.last = found.Last
	}
	c.rows += found.Counted
	switch {
	case b.query != "":
		c.done, c.next = found.Counted < int64(limit), c.last
	default:
		c.done, c.next = end == "", end
	}
	c.done = c.done || c.rows >= wanted.most
	return nil
}

// window returns the query of the first rows of the next window, by their number, and the end of the window. The end is empty if it is that
// of a walk, or if the window is of the deliveries of few events.
func (b bulkSource) window(ctx context.Context, s *Store, after string, window int) (rows func(limit int) (string, []any), end string, err error) {
	if b.query != "" {
		return func(limit int) (string, []any) { return b.joined(after, limit) }, "", nil
	}
	end, err = s.windowEnd(ctx, b.walk, after, window)
	return func(limit int) (string, []any) {
		query, arguments := b.walk.union(b.walk.filter, end, after, limit)
		return query + " LIMIT ?", append(arguments, limit)
	}, end, err
}
