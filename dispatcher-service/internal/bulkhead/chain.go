package bulkhead

// chain is a doubly linked list whose links are in its elements. There may be a hundred thousand endpoints: an empty
// chain takes three words, and an element no allocation of its own.
type chain[T any, P linked[T]] struct {
	first, last P
	size        int
}

// links is embedded in what can be in a chain, in one at a time.
type links[T any] struct{ prev, next *T }

func (l *links[T]) own() *links[T] { return l }

type linked[T any] interface {
	*T
	own() *links[T]
}

func (c *chain[T, P]) pushBack(x P) {
	*x.own() = links[T]{prev: c.last}
	if c.last == nil {
		c.first = x
	} else {
		c.last.own().next = x
	}
	c.last = x
	c.size++
}

// remove takes out what is in the chain.
func (c *chain[T, P]) remove(x P) {
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
	*l = links[T]{}
	c.size--
}
