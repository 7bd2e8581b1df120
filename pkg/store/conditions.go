package store

import (
	"strings"
	"time"

	"redrive/pkg/webhook"
)

// conditions are the conditions of a WHERE clause with their arguments, all of which must hold.
type conditions struct {
	texts     []string
	arguments []any
}

// add appends a condition.
func (c *conditions) add(text string, arguments ...any) {
	c.texts = append(c.texts, text)
	c.arguments = append(c.arguments, arguments...)
}

// equal appends the condition that a column has the value, unless the value is empty.
func (c *conditions) equal(column, value string) {
	if value != "" {
		c.add(column+" = ?", value)
	}
}

// and returns all conditions of both.
func (c conditions) and(other conditions) conditions {
	return conditions{append(c.texts[:len(c.texts):len(c.texts)], other.texts...), append(c.arguments[:len(c.arguments):len(c.arguments)], other.arguments...)}
}

func (c conditions) empty() bool { return len(c.texts) == 0 }

// where returns the text of the conditions, which is true if there are none.
func (c conditions) where() string {
	if c.empty() {
		return "1 = 1"
	}
	return strings.Join(c.texts, " AND ")
}

// created appends the range of the creation of rows whose IDs are of the kind. The IDs have the time in milliseconds, and narrow the scan of
// an index.
func (c *conditions) created(alias string, kind webhook.Kind, from, to time.Time) {
	if !from.IsZero() {
		c.add(alias+".id >= ? AND "+alias+".created_at >= ?", webhook.FirstID(kind, from), from)
	}
	if !to.IsZero() {
		c.add(alias+".id < ? AND "+alias+".created_at < ?", webhook.FirstID(kind, to.Add(time.Millisecond)), to)
	}
}

// after appends that rows come after a position of a list that is ordered by descending IDs.
func (c *conditions) after(alias, position string) {
	if position != "" {
		c.add(alias+".id < ?", position)
	}
}
