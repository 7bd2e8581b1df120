package bench

import (
	"context"
	"fmt"
)

// The details of a page by cursor: its distance from the first page. The row itself is the deepest page.
const (
	detailFirst  = "first page"
	detailMiddle = "page in the middle"
)

// measureCursors compares pages of the list of all deliveries.
func (g *searching) measureCursors(ctx context.Context, s *session) error {
	for _, one := range []struct {
		detail string
		depth  func(rows int) int // items before the page
	}{
		{detailFirst, func(int) int { return 0 }},
		{detailMiddle, func(rows int) int { return rows / 2 }},
		{"", func(rows int) int { return rows - rows/100 }},
	} {
		small, err := g.small.pageAt(ctx, one.depth(g.small.rows))
		if err != nil {
			return err
		}
		large, err := g.large.pageAt(ctx, one.depth(g.large.rows))
		if err != nil {
			return err
		}
		smallTook, largeTook, err := g.compare(ctx, s, probe{small: small, large: large})
		if err != nil {
			return err
		}
		s.addGrowth(rowGrowthCursor, one.detail, smallTook, largeTook)
	}
	return nil
}

// pageAt returns the path of the page after a number of items. It finds the cursor through an offset.
func (t *searched) pageAt(ctx context.Context, depth int) (string, error) {
	const page = "/deliveries?limit=20"
	if depth == 0 {
		return page, nil
	}
	cursor, err := t.nextCursor(ctx, fmt.Sprintf("/deliveries?bodies=false&limit=1&offset=%d", depth-1), "")
	return page + "&cursor=" + cursor, err
}
