package store

import "strings"

// parameterRows returns a FROM item of PostgreSQL whose rows are those of array parameters, one parameter for each column. A column is its
// name and its type.
//
// OFFSET 0 hides the lengths of the arrays from the planner. It would otherwise prefer a plan for the actual number of rows to the kept plan,
// which is made for ten, and plan every small batch again. To plan a statement takes longer than to execute it for a few rows.
func parameterRows(alias string, columns ...string) string {
	names, arrays, places := make([]string, len(columns)), make([]string, len(columns)), make([]string, len(columns))
	for i, column := range columns {
		name, kind, _ := strings.Cut(column, " ")
		names[i] = name
		arrays[i] = "CAST(? AS " + kind + "[]) AS " + name
		places[i] = "of_" + alias + "." + name
	}
	return "(SELECT " + strings.Join(arrays, ", ") + " OFFSET 0) AS of_" + alias +
		" CROSS JOIN LATERAL unnest(" + strings.Join(places, ", ") + ") AS " + alias + " (" + strings.Join(names, ", ") + ")"
}

// anyKept is ANY of an array parameter whose length is hidden from the planner, as in parameterRows.
const anyKept = "ANY(CAST((SELECT CAST(? AS text[])) AS text[]))"
