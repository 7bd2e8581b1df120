package store

import (
	"sync"

	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"
)

// schemas caches the parsed row types.
var schemas sync.Map

// returning returns a RETURNING clause that names every column of the row's type. A prepared RETURNING * fails after a migration has added
// a column.
func returning(row any) clause.Returning {
	parsed, err := schema.Parse(row, &schemas, schema.NamingStrategy{})
	if err != nil {
		return clause.Returning{} // the statement fails with the same error
	}
	columns := make([]clause.Column, len(parsed.DBNames))
	for i, name := range parsed.DBNames {
		columns[i] = clause.Column{Name: name}
	}
	return clause.Returning{Columns: columns}
}
