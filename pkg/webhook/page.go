package webhook

// Page selects a part of a list.
type Page struct {
	Limit int // 1 to 100
	// Offset is how many items are skipped, 0 or more. It is 0 if After is set.
	Offset int
	// After is the List.Next of the page before. Empty selects the first page.
	After string
	// WithoutBodies leaves out the bodies of the items, and their bytes in Sized.
	WithoutBodies bool
}

// The limits of a page.
const (
	DefaultPageLimit = 20
	MaxPageLimit     = 100
)

// List is a page of a list. HasMore reports whether the list continues after it.
type List[T any] struct {
	Items   []T
	HasMore bool
	// Next is the position of the last item, for Page.After. It is empty unless HasMore. It has only letters, digits and the characters
	// ._:- so that it fits into a cursor.
	Next string
}

// NewList makes a page of items that were read with one item more than the limit. HasMore is true if that item exists. Position returns
// the position of an item in the list.
func NewList[T any](items []T, page Page, position func(T) string) List[T] {
	list := List[T]{Items: items[:min(len(items), page.Limit)], HasMore: len(items) > page.Limit}
	if list.HasMore {
		list.Next = position(items[page.Limit-1])
	}
	return list
}

// Sized is an item of a list that has not been read yet: its ID, and the size of its bodies and headers in bytes.
type Sized struct {
	ID    string
	Bytes int64
}

// Position returns the item's position in a list that is ordered by ID.
func (s Sized) Position() string { return s.ID }
