package store

import (
	"context"
	"strings"
	"time"

	"redrive/pkg/webhook"
)

// A walk reads a list in descending order of the IDs, or in ascending order. It follows an index that has this order, and looks at the rows
// of the index one after the other, in windows that grow. It ends when the page is full, when the index ends, or when it has looked at
// walkRows rows or has taken walkTime. In the last two cases the page may be short or empty, and its position is the last row that the walk
// has looked at.
type walk struct {
	table, alias string
	// branches select disjoint parts of the table, each by an index in the order of the IDs.
	branches []conditions
	// filter selects rows of the branches. The indexes do not help with it.
	filter conditions
	// ascending reads the list in the other direction, oldest first.
	ascending bool
}

// newWalk returns a walk in descending order.
func newWalk(table, alias string, filter conditions, branches ...conditions) walk {
	return walk{table: table, alias: alias, filter: filter, branches: branches}
}

const (
	// walkRows bounds the rows that a page looks at. Each costs up to two lookups by primary key, about 20 µs.
	walkRows = 20_000
	// walkTime ends a page earlier if the database is slow.
	walkTime = 400 * time.Millisecond
	// A window has this many rows, and four times as many as the window before.
	firstWindow, lastWindow = 256, 8192
)

// page returns the IDs of a page, and the position to continue at. The position is empty if the list ends with the page.
func (s *Store) page(ctx context.Context, w walk, page webhook.Page) (ids []string, next string, err error) {
	began := time.Now()
	after, wanted := page.After, page.Offset+page.Limit+1
	if w.filter.empty() {
		ids, err = s.pick(ctx, w, "", after, wanted)
		ids, next = cut(ids, page)
		return ids, next, err
	}
	for looked, window := 0, firstWindow; ; window = min(4*window, lastWindow) {
		end, err := s.windowEnd(ctx, w, after, window)
		if err != nil {
			return nil, "", err
		}
		found, err := s.pick(ctx, w, end, after, wanted-len(ids))
		if err != nil {
			return nil, "", err
		}
		if ids = append(ids, found...); len(ids) == wanted || end == "" {
			ids, next = cut(ids, page)
			return ids, next, nil
		}
		after = end
		if looked += window; looked >= walkRows || time.Since(began) >= walkTime {
			ids, _ = cut(ids, page)
			return ids, after, nil
		}
	}
}

// cut returns the page, and the position of its last item if found has an ID beyond the page.
func cut(found []string, page webhook.Page) (ids []string, next string) {
	ids = found[min(len(found), page.Offset):]
	if len(ids) > page.Limit {
		return ids[:page.Limit], ids[page.Limit-1]
	}
	return ids, ""
}

// windowEnd returns the ID of the last row of a window after a position, or "" if fewer rows follow. It reads the index only.
//
// The end is read before the rows of the window: a row that is inserted between the two statements comes before the window, or is seen once.
func (s *Store) windowEnd(ctx context.Context, w walk, after string, window int) (string, error) {
	query, arguments := w.union(conditions{}, "", after, window)
	var ids []string
	err := s.planned(ctx).Raw(query+" LIMIT 1 OFFSET ?", append(arguments, window-1)...).Scan(&ids).Error
	if err != nil || len(ids) == 0 {
		return "", err
	}
	return ids[0], nil
}

// pick returns up to limit IDs of matching rows after a position, up to the end of a window. An empty end is that of the list.
func (s *Store) pick(ctx context.Context, w walk, end, after string, limit int) (ids []string, err error) {
	query, arguments := w.union(w.filter, end, after, limit)
	err = s.planned(ctx).Raw(query+" LIMIT ?", append(arguments, limit)...).Scan(&ids).Error
	return ids, err
}

// union returns a query of the IDs of the branches' rows in the order of the walk. Each branch reads up to limit rows.
func (w walk) union(filter conditions, end, after string, limit int) (query string, arguments []any) {
	var parts []string
	order, follows, until := "DESC", "<", ">="
	if w.ascending {
		order, follows, until = "ASC", ">", "<="
	}
	for _, branch := range w.branches {
		all := branch.and(filter)
		if after != "" {
			all.add(w.alias+".id "+follows+" ?", after)
		}
		if end != "" {
			all.add(w.alias+".id "+until+" ?", end)
		}
		part := "SELECT " + w.alias + ".id FROM " + w.table + " " + w.alias + " WHERE " + all.where() + " ORDER BY " + w.alias + ".id " + order
		if arguments = append(arguments, all.arguments...); len(w.branches) == 1 {
			return part, arguments
		}
		parts = append(parts, "SELECT id FROM ("+part+" LIMIT ?) branch")
		arguments = append(arguments, limit)
	}
	return "SELECT id FROM (" + strings.Join(parts, " UNION ALL ") + ") branches ORDER BY id " + order, arguments
}

// few reports whether at most probeRows rows match conditions that an index serves.
func (s *Store) few(ctx context.Context, w walk) (bool, error) { return s.atMost(ctx, w, probeRows) }

// atMost reports whether no more than most rows match conditions that an index serves.
func (s *Store) atMost(ctx context.Context, w walk, most int) (bool, error) {
	query, arguments := w.union(conditions{}, "", "", most+1)
	return s.hasAtMost(ctx, query, arguments, most)
}

// hasAtMost reports whether a query has no more than most rows.
func (s *Store) hasAtMost(ctx context.Context, query string, arguments []any, most int) (bool, error) {
	var count int
	err := s.planned(ctx).Raw("SELECT count(*) FROM ("+query+" LIMIT ?) probe", append(arguments, most+1)...).Scan(&count).Error
	return count <= most, err
}
