package claim

import (
	"time"

	"redrive/pkg/queue"
	"redrive/pkg/webhook"
)

// bulkEvery is how many picks of an organization bulk deliveries get at least one of, while they wait behind live ones.
const bulkEvery = 10

// chooser picks candidates. It is not safe for concurrent use.
type chooser struct {
	room          func(endpointID string) int // further deliveries that its bulkhead will admit
	organizations map[string]*organization
	lanes         map[webhook.Lane]*lane
	entering      map[string]int // deliveries of an endpoint that were taken and did not come to its bulkhead yet
	picks         uint64
	resting       map[webhook.Lane]time.Time // lanes that are not claimed from until a time
}

// organization is the state of one organization.
type organization struct {
	inFlight int
	chosen   int    // in the present choice
	served   uint64 // the pick that served it last
	picks    int
	rings    [3]ring
}

// ring is the lanes of one priority, served in turn.
type ring struct {
	lanes []*lane
	next  int
}

// lane is a lane in backlog with the deliveries that were read ahead.
type lane struct {
	webhook.Lane
	rows   []queue.Candidate
	picked int  // of rows, in the present choice
	more   bool // there may be more rows in the database that are due
	// reached is the last position of the lane's cursor that a take or a list has returned. It may be too far after the lane was
	// reopened, which costs one extra read.
	reached webhook.Position
}

func newChooser(room func(endpointID string) int) *chooser {
	return &chooser{
		room: room, organizations: map[string]*organization{}, lanes: map[webhook.Lane]*lane{}, entering: map[string]int{},
		resting: map[webhook.Lane]time.Time{},
	}
}

// open adds a lane.
func (c *chooser) open(id webhook.Lane) *lane {
	if l, known := c.lanes[id]; known {
		return l
	}
	l := &lane{Lane: id}
	c.lanes[id] = l
	r := &c.organization(id.OrganizationID).rings[id.Priority-webhook.PriorityHead]
	r.lanes = append(r.lanes, l)
	return l
}

// close removes a lane.
func (c *chooser) close(id webhook.Lane) {
	l, known := c.lanes[id]
	if !known {
		return
	}
	delete(c.lanes, id)
	delete(c.resting, id)
	o := c.organization(id.OrganizationID)
	r := &o.rings[id.Priority-webhook.PriorityHead]
	for i, other := range r.lanes {
		if other == l {
			r.lanes = append(r.lanes[:i], r.lanes[i+1:]...)
			if i < r.next {
				r.next--
			}
			break
		}
	}
	c.forget(id.OrganizationID, o)
}

func (c *chooser) organization(id string) *organization {
	o, known := c.organizations[id]
	if !known {
		o = &organization{}
		c.organizations[id] = o
	}
	return o
}

// forget removes an organization that has neither lanes nor deliveries in flight.
func (c *chooser) forget(id string, o *organization) {
	if o.inFlight == 0 && len(o.rings[0].lanes)+len(o.rings[1].lanes)+len(o.rings[2].lanes) == 0 {
		delete(c.organizations, id)
	}
}

// begin counts a delivery that a worker was given.
func (c *chooser) begin(l webhook.Lane) {
	if l.EndpointID == "" {
		return
	}
	c.organization(l.OrganizationID).inFlight++
	c.entering[l.EndpointID]++
}

// entered counts a delivery that came to its bulkhead, or ended before.
func (c *chooser) entered(endpointID string) {
	if c.entering[endpointID]--; c.entering[endpointID] <= 0 {
		delete(c.entering, endpointID)
	}
}

// end counts a delivery that a worker is done with.
func (c *chooser) end(l webhook.Lane) {
	if l.EndpointID == "" {
		return
	}
	o := c.organization(l.OrganizationID)
	o.inFlight--
	c.forget(l.OrganizationID, o)
}

// choose picks up to n candidates. The caller reports with settle which of them were used.
func (c *chooser) choose(n int) []queue.Candidate {
	var chosen []queue.Candidate
	rooms := map[string]int{}
	for len(chosen) < n {
		l, o := c.pick(rooms)
		if l == nil {
			break
		}
		chosen = append(chosen, l.rows[l.picked])
		l.picked++
		rooms[l.EndpointID]--
		o.chosen++
		o.picks++
		c.picks++
		o.served = c.picks
	}
	for _, candidate := range chosen {
		c.organizations[candidate.Lane.OrganizationID].chosen = 0
		c.lanes[candidate.Lane].picked = 0
	}
	return chosen
}

// pick returns the lane whose turn it is, of the organization with the fewest deliveries.
func (c *chooser) pick(rooms map[string]int) (*lane, *organization) {
	var best *lane
	var owner *organization
	for _, o := range c.organizations {
		if owner != nil && !o.before(owner) {
			continue
		}
		if l := c.turn(o, rooms); l != nil {
			best, owner = l, o
		}
	}
	if best != nil {
		r := &owner.rings[best.Priority-webhook.PriorityHead]
		r.next = (r.next + 1) % len(r.lanes)
	}
	return best, owner
}

// before reports whether o comes before other: it has fewer deliveries, or as many and was served longer ago.
func (o *organization) before(other *organization) bool {
	a, b := o.inFlight+o.chosen, other.inFlight+other.chosen
	return a < b || a == b && o.served < other.served
}

// turn returns the lane of the organization whose turn it is, and nil if none can be claimed from.
func (c *chooser) turn(o *organization, rooms map[string]int) *lane {
	order := [3]int{0, 1, 2}
	if o.picks%bulkEvery == bulkEvery-1 {
		order = [3]int{2, 0, 1}
	}
	for _, i := range order {
		r := &o.rings[i]
		for range r.lanes {
			r.next %= len(r.lanes)
			l := r.lanes[r.next]
			if c.usable(l, rooms) {
				return l
			}
			r.next++
		}
	}
	return nil
}

// usable reports whether a delivery of the lane can be claimed. Rooms are what is left to each endpoint in the present choice.
func (c *chooser) usable(l *lane, rooms map[string]int) bool {
	if l.picked >= len(l.rows) || c.rests(l.Lane) {
		return false
	}
	room, known := rooms[l.EndpointID]
	if !known {
		room = c.room(l.EndpointID) - c.entering[l.EndpointID]
		rooms[l.EndpointID] = room
	}
	return room > 0
}

// rest passes over a lane until a time.
func (c *chooser) rest(id webhook.Lane, until time.Time) {
	if until.After(c.resting[id]) {
		c.resting[id] = until
	}
}

// rests reports whether a lane is passed over, and removes one whose time is over.
func (c *chooser) rests(id webhook.Lane) bool {
	until, known := c.resting[id]
	if known && !time.Now().Before(until) {
		delete(c.resting, id)
		return false
	}
	return known
}

// settle removes the candidates that the take reached from the rows that were read ahead, and records the cursors of their lanes.
func (c *chooser) settle(chosen []queue.Candidate, fates []queue.Fate) {
	for i, fate := range fates {
		l, known := c.lanes[chosen[i].Lane]
		if !known {
			continue
		}
		if len(l.rows) > 0 && l.rows[0] == chosen[i] { // a late candidate may have the same position
			l.rows = l.rows[1:]
		}
		if fate != queue.NoBacklog && !chosen[i].Late {
			l.reach(chosen[i].Position)
		}
	}
}

// reach records a position of the lane's cursor.
func (l *lane) reach(position webhook.Position) {
	if position.After(l.reached) {
		l.reached = position
	}
}

// low reports whether a lane has less than mark deliveries read ahead, and may have more.
func (c *chooser) low(mark int) bool {
	for _, l := range c.lanes {
		if l.more && len(l.rows) < mark {
			return true
		}
	}
	return false
}

// waiting reports whether any delivery was read ahead.
func (c *chooser) waiting() bool {
	for _, l := range c.lanes {
		if len(l.rows) > 0 {
			return true
		}
	}
	return false
}
