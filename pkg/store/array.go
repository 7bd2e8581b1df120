package store

import (
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// array is a slice that goes to PostgreSQL as one parameter. GORM would make a list of parameters of it, and with that another
// statement of every length, none of which is prepared.
type array struct{ slice any }

// Build binds the slice as it is.
func (a array) Build(builder clause.Builder) {
	statement, ok := builder.(*gorm.Statement)
	if !ok {
		return // GORM has no other builder
	}
	statement.Vars = append(statement.Vars, a.slice)
	statement.DB.BindVarTo(builder, statement, a.slice)
}

// oneOf is a condition on a column with any number of values, which are a slice.
func (s *Store) oneOf(column string, values any) *gorm.DB {
	if s.dialect.Arrays {
		return s.db.Where(column+" = ANY(?)", array{values})
	}
	return s.db.Where(column+" IN ?", values)
}
