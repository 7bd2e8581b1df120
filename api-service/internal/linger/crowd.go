package linger

import (
	"container/list"
	"net/http"
	"sync"
	"time"
)

// crowd bounds the connections whose bodies are being discarded. A newcomer takes the place of the one that came first: a client
// that sends at full speed is done in milliseconds, and a client that dribbles is not. So slow clients cannot take all places.
type crowd struct {
	capacity int

	mutex  sync.Mutex
	places *list.List // of *place, the oldest in front
}

// place is one connection in a crowd.
type place struct {
	crowd   *crowd
	control *http.ResponseController
	element *list.Element // nil once another has the place
}

func newCrowd(capacity int) *crowd { return &crowd{capacity: capacity, places: list.New()} }

// enter adds a connection and ends the wait of the oldest one if the crowd is full.
func (c *crowd) enter(control *http.ResponseController) *place {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.places.Len() >= c.capacity {
		if oldest, ok := c.places.Front().Value.(*place); ok {
			c.remove(oldest)
			_ = oldest.control.SetReadDeadline(time.Unix(1, 0)) // an error means that the connection is gone
		}
	}
	p := &place{crowd: c, control: control}
	p.element = c.places.PushBack(p)
	return p
}

// leave removes a connection.
func (c *crowd) leave(p *place) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.remove(p)
}

func (c *crowd) remove(p *place) {
	if p.element != nil {
		c.places.Remove(p.element)
		p.element = nil
	}
}

// waitUntil sets the time at which reading ends. It returns false if the place is lost or the connection gone.
func (p *place) waitUntil(deadline time.Time) bool {
	p.crowd.mutex.Lock()
	defer p.crowd.mutex.Unlock()
	return p.element != nil && p.control.SetReadDeadline(deadline) == nil
}
