package store

import "strings"

// beginningWith returns a pattern for LIKE … ESCAPE '\' that matches texts with the prefix.
func beginningWith(prefix string) string {
	return strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(prefix) + "%"
}
