package months

import (
	"time"

	"redrive/pkg/webhook"
)

// table is a table that is divided, and its column that decides about the partition.
type table struct {
	name, key string
	kind      webhook.Kind // of the IDs in the key
}

// The divided tables.
var (
	events     = table{"events", "id", webhook.KindEvent}
	deliveries = table{"deliveries", "id", webhook.KindDelivery}
	attempts   = table{"attempts", "delivery_id", webhook.KindDelivery}
)

// tables are the divided tables, in the order in which they are locked.
var tables = []table{events, deliveries, attempts}

// The names of partitions that are not of one month.
const (
	first    = "first"
	fallback = "default"
)

// partition returns the name of the table's partition with a suffix.
func (t table) partition(suffix string) string { return t.name + "_" + suffix }

// bound returns a literal that sorts before all keys of a month and after all keys from before it.
func (t table) bound(month time.Time) string { return "'" + webhook.FirstID(t.kind, month) + "'" }

// constraint is the name of the CHECK constraint by which the table becomes its first partition without a scan.
func (t table) constraint() string { return t.name + beforeMonth }

// beforeMonth is the end of the constraint's name.
const beforeMonth = "_before_month"

// suffixOf returns the suffix of the partition of a month.
func suffixOf(month time.Time) string { return month.Format("200601") }

// from returns the months from one that begins at a time up to one that begins before another time.
func from(month, end time.Time) (all []time.Time) {
	for ; month.Before(end); month = month.AddDate(0, 1, 0) {
		all = append(all, month)
	}
	return all
}
