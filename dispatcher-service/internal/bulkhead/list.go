package bulkhead

// list is a doubly linked list whose nodes are embedded in its elements. Each of up to maxEndpoints endpoints has several lists, so an
// empty list takes only three words, and adding an element allocates nothing.
type list[T any, P element[T]] struct {
	first, last P
	size        int
}

// node is embedded in an element. An element is in one list at a time.
type node[T any] struct{ prev, next *T }

func (l *node[T]) own() *node[T] { return l }

type element[T any] interface {
	*T
	own() *node[T]
}

func (c *list[T, P]) pushBack(x P) {
	*x.own() = node[T]{prev: c.last}
	if c.last == nil {
		c.first = x
	} else {
		c.last.own().next = x
	}
	c.last = x
	c.size++
}

// remove removes x, which must be in the list.
func (c *list[T, P]) remove(x P) {
	l := x.own()
	if l.prev == nil {
		c.first = l.next
	} else {
		P(l.prev).own().next = l.next
	}
	if l.next == nil {
		c.last = l.prev
	} else {
		P(l.next).own().prev = l.prev
	}
	*l = node[T]{}
	c.size--
}
