package store

import (
	"sync"

	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"
)

// schemas are the parsed row types, by type.
var schemas sync.Map

// returning is RETURNING with every column of the row's type by its name. RETURNING * would fail as a prepared statement once a
// migration adds a column beside this process.
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
