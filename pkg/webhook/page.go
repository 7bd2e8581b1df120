package webhook

// Page asks for a part of a list, newest first.
type Page struct {
	Limit  int // 1 to 100
	Offset int // 0 or more
}

// The limits of a page.
const (
	DefaultPageLimit = 20
	MaxPageLimit     = 100
)

// List is a page of a list. HasMore says whether there is anything behind it.
type List[T any] struct {
	Items   []T
	HasMore bool
}

// NewList makes a page of items that were read one over the limit, which is how HasMore is known without counting.
func NewList[T any](items []T, page Page) List[T] {
	return List[T]{Items: items[:min(len(items), page.Limit)], HasMore: len(items) > page.Limit}
}
