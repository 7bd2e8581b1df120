package store

import "strings"

// wildcards escapes the wildcards of LIKE.
var wildcards = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

// beginningWith returns a pattern for LIKE … ESCAPE '\' that matches texts with the prefix.
func beginningWith(prefix string) string {
	return wildcards.Replace(prefix) + "%"
}
