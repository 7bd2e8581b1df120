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

// rows executes the statement by GORM and returns its rows. A slice among the arguments is one parameter. The caller closes the rows, also
// those of a statement that returns none.
func (n numbered) rows(tx *gorm.DB, arguments ...any) (*sql.Rows, error) {
	for i, argument := range arguments {
		if a, ok := argument.(array); ok {
			arguments[i] = a.slice
		}
	}
	tx = tx.Raw("")
	tx.Statement.SQL.WriteString(string(n))
	tx.Statement.Vars = arguments
	return tx.Rows()
}
