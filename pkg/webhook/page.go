package webhook

// Page selects a part of a list, newest first.
type Page struct {
	Limit  int // 1 to 100
	Offset int // 0 or more
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
}

// NewList makes a page of items that were read with one item more than the limit. HasMore is true if that item exists.
func NewList[T any](items []T, page Page) List[T] {
	return List[T]{Items: items[:min(len(items), page.Limit)], HasMore: len(items) > page.Limit}
}

// Sized is an item of a list that has not been read yet: its ID, and the size of its bodies and headers in bytes.
type Sized struct {
	ID    string
	Bytes int64
}
