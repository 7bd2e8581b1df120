package store

import "context"

// A bulkChunk is what one step of a job handles.
type bulkChunk struct {
	ids  []string // ascending
	next string   // the position after them
	end  bool     // nothing follows the position of the job
}

// lookAhead is how many deliveries a step looks at, at least. It looks at more than the pace allows, because what it skips uses up no pace.
const lookAhead = 100

// bulkChunk returns the next deliveries or events of a job, of which it will skip all but so many as are allowed. The chunk may be empty
// although more follow.
func (s *Store) bulkChunk(ctx context.Context, leased *BulkLease, source bulkSource, allowed int) (c bulkChunk, err error) {
	row := leased.row
	rest := mostOf(leased.Job.BulkSpec) - row.Processed
	switch {
	case rest <= 0:
		return bulkChunk{end: true}, nil
	case allowed == 0:
		return bulkChunk{next: row.ProcessedTo}, nil
	}
	c.ids, c.next, err = source.page(ctx, s, row.ProcessedTo, int(min(rest, int64(max(allowed, lookAhead)))))
	if err != nil {
		return c, err
	}
	if c.next == "" {
		if len(c.ids) == 0 {
			return bulkChunk{end: true}, nil
		}
		c.next = c.ids[len(c.ids)-1]
	}
	if len(c.ids) <= allowed {
		return c, nil
	}
	found, err := s.viewBulk(s.db.WithContext(ctx), leased.Job, c.ids, false)
	if err != nil {
		return c, err
	}
	for i, id := range c.ids {
		if found.skips(id) != "" {
			continue
		}
		if allowed == 0 {
			return bulkChunk{ids: c.ids[:i], next: c.ids[i-1]}, nil
		}
		allowed--
	}
	return c, nil
}
