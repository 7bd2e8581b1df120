package store

import (
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// array is a slice that PostgreSQL receives as one parameter. GORM would expand the slice into a list of parameters. Each length would
// then be a statement of its own, and none of them would be prepared.
type array struct{ slice any }

// Build binds the slice without expanding it.
func (a array) Build(builder clause.Builder) {
	statement, ok := builder.(*gorm.Statement)
	if !ok {
		return // GORM has no other builder
	}
	statement.Vars = append(statement.Vars, a.slice)
	statement.DB.BindVarTo(builder, statement, a.slice)
}

// column returns one value of each item as an array parameter, in the order of the items.
func column[T, V any](items []T, value func(*T) V) array {
	values := make([]V, len(items))
	for i := range items {
		values[i] = value(&items[i])
	}
	return array{values}
}

// oneOf returns the condition that a column has one of the values, which are a slice. For tables that are divided by month, it hides texts from
// the planner. It would otherwise prefer a plan for the IDs, of one month, to the kept plan, and plan each statement again.
func (s *Store) oneOf(column string, values any) *gorm.DB {
	if _, texts := values.([]string); texts && s.divided() {
		return s.db.Where(column+" = "+anyKept, array{values})
	}
	if s.dialect.Postgres {
		return s.db.Where(column+" = ANY(?)", array{values})
	}
	return s.db.Where(column+" IN ?", values)
}

// is returns the condition that a column has the value, in the way of oneOf.
func (s *Store) is(column, value string) *gorm.DB {
	if s.divided() {
		return s.db.Where(column+" = (SELECT CAST(? AS text))", value)
	}
	return s.db.Where(column+" = ?", value)
}

// take reads the one row that a query by ID finds. For tables that are divided by month, the statement has no LIMIT: the planner would prefer a
// plan for the limit to the kept plan, and plan each statement again.
func (s *Store) take(query *gorm.DB, row any) error {
	if !s.divided() {
		return query.Take(row).Error
	}
	found := query.Find(row)
	if found.Error == nil && found.RowsAffected == 0 {
		return gorm.ErrRecordNotFound
	}
	return found.Error
}
