package bulkhead

// heap holds the held deliveries of an endpoint, the oldest first. New deliveries arrive nearly in order. Deliveries from other
// replicas and from cancelled reservations arrive in any order.
type heap []*held

// first returns the oldest delivery, or nil.
func (l heap) first() *held {
	if len(l) == 0 {
		return nil
	}
	return l[0]
}

func (l *heap) add(h *held) {
	*l = append(*l, h)
	l.up(len(*l) - 1)
}

func (l *heap) remove(h *held) {
	place, last := h.index, len(*l)-1
	moved := (*l)[last]
	(*l)[last] = nil
	*l = (*l)[:last]
	if place == last {
		return
	}
	l.set(place, moved)
	l.down(place)
	l.up(moved.index)
}

func (l heap) set(place int, h *held) {
	l[place] = h
	h.index = place
}

func (l heap) up(place int) {
	h := l[place]
	for place > 0 {
		parent := (place - 1) / 2
		if !before(h, l[parent]) {
			break
		}
		l.set(place, l[parent])
		place = parent
	}
	l.set(place, h)
}

func (l heap) down(place int) {
	h := l[place]
	for {
		child := 2*place + 1
		if child+1 < len(l) && before(l[child+1], l[child]) {
			child++
		}
		if child >= len(l) || !before(l[child], h) {
			break
		}
		l.set(place, l[child])
		place = child
	}
	l.set(place, h)
}

// before orders deliveries by due time, then by ID. An ID begins with the time of creation.
func before(x, y *held) bool {
	if !x.due.Equal(y.due) {
		return x.due.Before(y.due)
	}
	return x.id < y.id
}
