package store

import (
	"database/sql"
	"strconv"
	"strings"

	"gorm.io/gorm"
)

// numbered is the text of a statement for PostgreSQL whose parameters are $1, $2 and so on. The most frequent statements have such texts,
// because GORM otherwise converts question marks at each execution, byte by byte.
type numbered string

// newNumbered numbers the question marks of a text. The text has none that is not a parameter.
func newNumbered(text string) numbered {
	var b strings.Builder
	for number := 1; ; number++ {
		before, after, found := strings.Cut(text, "?")
		b.WriteString(before)
		if !found {
			return numbered(b.String())
		}
		b.WriteString("$" + strconv.Itoa(number))
		text = after
	}
}

// rows executes the statement by GORM and returns its rows. The caller closes them.
func (n numbered) rows(tx *gorm.DB, arguments ...any) (*sql.Rows, error) {
	return n.prepare(tx, arguments).Rows()
}

// exec executes a statement that returns no rows. Unlike rows, it is repeated on another connection if it could not be sent.
func (n numbered) exec(tx *gorm.DB, arguments ...any) error {
	tx = n.prepare(tx, arguments)
	return tx.Callback().Raw().Execute(tx).Error
}

// prepare returns the statement with its arguments. A slice among them is one parameter.
func (n numbered) prepare(tx *gorm.DB, arguments []any) *gorm.DB {
	for i, argument := range arguments {
		if a, ok := argument.(array); ok {
			arguments[i] = a.slice
		}
	}
	tx = tx.Raw("")
	tx.Statement.SQL.WriteString(string(n))
	tx.Statement.Vars = arguments
	return tx
}
