package store

import (
	"context"
	"iter"
	"slices"
	"time"
)

// The most frequent statements name the partition that has their deliveries. A statement on a table opens all of its partitions, which takes
// longer than to read a few rows. The ranges of the partitions guarantee that no other one has the IDs. If a partition was
// dropped a moment ago, the statement fails and is repeated on the tables.

// partitionOf returns the end of the names of the partition that has all of the deliveries. It returns "" if they are of several ones, and for
// tables that are not divided.
func (s *Store) partitionOf(ids iter.Seq[string]) string {
	layout := s.layout.Load()
	if layout == nil {
		return ""
	}
	first, last := "", ""
	for id := range ids {
		if first == "" || id < first {
			first = id
		}
		last = max(last, id)
	}
	for _, p := range layout.Parts {
		if last < p.end {
			if first < p.first {
				return ""
			}
			return "_" + p.Suffix
		}
	}
	return ""
}

// idsOf returns the IDs of the deliveries of items.
func idsOf[T any](items []T, id func(*T) string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for i := range items {
			if !yield(id(&items[i])) {
				return
			}
		}
	}
}

// partitionOrAll returns the ends of the names of the tables to read deliveries and their events from. The last one is "", which has all: the
// event of a replay may be of another month than the delivery.
func (s *Store) partitionOrAll(ids []string) []string {
	if part := s.partitionOf(slices.Values(ids)); part != "" {
		return []string{part, ""}
	}
	return []string{""}
}

// vanished reports whether a statement failed because the partition that it names was dropped. Until the next learnLayout, statements name
// none.
func (s *Store) vanished(err error) bool {
	layout := s.layout.Load()
	if err == nil || layout == nil || len(layout.Parts) == 0 || !s.dialect.Vanished(err) {
		return false
	}
	s.layout.Store(&PartitionLayout{Divided: true})
	return true
}

// divided reports whether this process knows that the tables are divided.
func (s *Store) divided() bool { return s.layout.Load() != nil }

// layoutInterval is how often a process looks how the tables are divided.
const layoutInterval = time.Minute

// relearnLayout is learnLayout, at most once in layoutInterval. Without it, all statements work, but some take longer.
func (s *Store) relearnLayout(ctx context.Context) {
	last := s.layoutAt.Load()
	now := time.Now().UnixNano()
	if now-last >= int64(layoutInterval) && s.layoutAt.CompareAndSwap(last, now) {
		_ = s.learnLayout(ctx)
	}
}

// learnLayout looks how the tables are divided.
func (s *Store) learnLayout(ctx context.Context) error {
	if s.dialect.Partitions == nil {
		return nil
	}
	layout, err := s.dialect.Partitions.Describe(ctx)
	if err != nil {
		return s.translate("read the partitions", err)
	}
	s.layoutAt.Store(time.Now().UnixNano())
	if layout.Divided {
		for i := range layout.Parts {
			layout.Parts[i].bound()
		}
		s.layout.Store(&layout)
	} else {
		s.layout.Store(nil)
	}
	return nil
}
