package store

import (
	"context"
	"database/sql"

	"gorm.io/gorm"
)

// planned returns the database for statements that are planned for the values of their parameters at each call. The plan of a prepared
// statement is made for any values after some calls. A search for a range of IDs would then follow the primary key, and read all that other
// organizations and other values have within the range. Planning takes some 0.2 ms, which searches have.
func (s *Store) planned(ctx context.Context) *gorm.DB {
	db := s.db.WithContext(ctx)
	if s.dialect.CustomPlan != nil {
		db.Statement.ConnPool = customPlans{db.Statement.ConnPool, s.dialect.CustomPlan}
	}
	return db
}

// customPlans is a pool whose queries have one more argument, before the others.
type customPlans struct {
	gorm.ConnPool
	argument any
}

// QueryContext is that of the pool.
func (c customPlans) QueryContext(ctx context.Context, query string, arguments ...any) (*sql.Rows, error) {
	return c.ConnPool.QueryContext(ctx, query, append([]any{c.argument}, arguments...)...)
}
