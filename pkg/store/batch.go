package store

import (
	"context"

	"gorm.io/gorm"

	"redrive/pkg/webhook"
)

// each calls do for every item. The results and the errors are in the order of the items.
func each[T, R any](items []T, do func(T) (R, error)) ([]R, []error) {
	results, failures := make([]R, len(items)), make([]error, len(items))
	for i, item := range items {
		results[i], failures[i] = do(item)
	}
	return results, failures
}

// refusesOne reports whether the error of a statement that wrote several items may be the fault of one of them. The items then have to
// be written one by one. An unavailable database would not take the single items either.
func refusesOne(err error, items int) bool {
	return err != nil && items > 1 && webhook.CodeOf(err) != webhook.CodeUnavailable
}

// together calls do for every item, and then counts, in one transaction of SQLite. There each transaction takes the write lock and writes to
// the disk. An item that fails is rolled back alone. The errors are in the order of the items; all of them fail if the transaction is not
// committed.
func together[T any](ctx context.Context, s *Store, items []T, do func(tx *gorm.DB, i int, item T) (tallied, error)) []error {
	failures := make([]error, len(items))
	err := s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		var all tallied
		for i, item := range items {
			var counted tallied
			failures[i] = tx.Transaction(func(tx *gorm.DB) (err error) {
				counted, err = do(tx, i, item)
				return err
			})
			if failures[i] == nil {
				all.add(counted)
			}
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		return all.insert(tx, s.rowsPerInsert())
	})
	if err != nil {
		for i := range failures {
			failures[i] = err
		}
	}
	return failures
}
