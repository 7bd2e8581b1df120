package store

import (
	"gorm.io/gorm"

	"redrive/pkg/webhook"
)

// newestFirst restricts a query to a page of a list in descending order of the IDs, and to one item more. A page after a position begins
// in the index at that position, so that its cost does not depend on how far the list goes. An offset costs as much as the items that it
// skips.
func newestFirst(query *gorm.DB, page webhook.Page) *gorm.DB {
	if page.After != "" {
		query = query.Where("id < ?", page.After)
	}
	return query.Order("id DESC").Limit(page.Limit + 1).Offset(page.Offset)
}
