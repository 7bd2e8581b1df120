package store

import "strings"

// divisible is a statement of PostgreSQL that can name partitions instead of divided tables. Its text is put together once, because these
// statements are the most frequent ones.
type divisible struct {
	pieces []string // the text between the marks
	whole  numbered // the statement for the tables
}

// partMark follows the name of each divided table in the text of a divisible statement.
const partMark = "{part}"

func newDivisible(text string) divisible {
	pieces := strings.Split(string(newNumbered(text)), partMark)
	return divisible{pieces, numbered(strings.Join(pieces, ""))}
}

// in returns the statement for the partitions with a suffix, or for the tables if the suffix is empty.
func (d divisible) in(part string) numbered {
	if part == "" {
		return d.whole
	}
	return numbered(strings.Join(d.pieces, part))
}
