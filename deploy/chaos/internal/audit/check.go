package audit

import (
	"maps"
	"slices"
	"time"

	"redrive/pkg/webhook"
)

// Result is what came of a check.
type Result struct {
	// Accepted is what the API answered for, and Lost how much of it did not end as its receiver decided.
	Accepted, Lost int
	// Unanswered is what came into being although nobody was told: the answer was lost.
	Unanswered         int
	Succeeded, Failed  int
	Requests, Attempts int
	// Duplicates is what was sent beyond what the record needed: superseded attempts, and requests that are not on record.
	Duplicates, Superseded, Unrecorded int
	// InFlight is how many requests were open, or answered and not yet on record, when something died, was frozen, emptied or cut
	// off: no more than that can have been sent twice.
	InFlight int
	// ByCleanStops is the duplicates that nothing but a clean stop explains. They are findings too.
	ByCleanStops int
	Findings     []Finding
	// Remade is how long each attempt that was orphaned by a SIGKILL took to be made again.
	Remade     []time.Duration
	Recoveries []Recovery
}

// check is one under way.
type check struct {
	*History
	result Result
	// held is the requests that were in flight when something died.
	held map[*Request]bool
}

// Check holds a history against the rules.
func Check(h *History) Result {
	c := &check{History: h, held: map[*Request]bool{}}
	stories := h.stories()
	c.result.Accepted, c.result.Requests, c.result.Attempts = len(h.Accepted), len(h.Requests), len(h.Attempts)
	c.endings(stories)
	c.identities()
	for _, id := range slices.Sorted(maps.Keys(stories)) { // in order, so that two looks find the same
		s := stories[id]
		if s.row == nil {
			c.find("unknown webhook-id", id, "the receiver was sent what is not in the database")
			continue
		}
		c.match(s)
		c.moves(s)
		c.times(s)
		c.duplicates(s)
	}
	c.result.InFlight = len(c.held)
	c.result.Recoveries = c.recoveries(stories)
	return c.result
}

// endings checks that everything has ended as its receiver decided.
func (c *check) endings(stories map[string]*story) {
	accepted := make(map[string]bool, len(c.Accepted))
	for _, id := range c.Accepted {
		if accepted[id] {
			c.find("accepted twice", id, "two answers of the API name it")
		}
		accepted[id] = true
		if right, how := c.endedRight(stories[id]); !right {
			c.result.Lost++
			c.find("lost", id, "%s", how)
		}
	}
	for _, d := range c.Deliveries {
		switch d.Status {
		case webhook.StatusSuccess:
			c.result.Succeeded++
		case webhook.StatusFailure:
			c.result.Failed++
		default:
		}
		if accepted[d.ID] {
			continue
		}
		c.result.Unanswered++
		if right, how := c.endedRight(stories[d.ID]); !right {
			c.find("lost, though never answered for", d.ID, "%s", how)
		}
	}
}

// identities checks that each event has one webhook-id at each endpoint, with one body and a good signature.
func (c *check) identities() {
	type target struct{ path, event string }
	ids := map[target]*Request{}
	bodies := map[string]*Request{}
	rows := make(map[string]*Delivery, len(c.Deliveries))
	for i := range c.Deliveries {
		rows[c.Deliveries[i].ID] = &c.Deliveries[i]
	}
	for i := range c.Requests {
		r := &c.Requests[i]
		if r.Problem != "" {
			c.find("signature", r.Delivery, "%s", r.Problem)
		}
		if r.Dispatcher < 0 {
			c.find("unknown sender", r.Delivery, "its User-Agent is none of a dispatcher of this run")
		}
		at := target{r.Path, r.Event}
		if first := ids[at]; first == nil {
			ids[at] = r
		} else if first.Delivery != r.Delivery {
			c.find("webhook-id changed", r.Delivery, "event %s came to the same endpoint as %s", r.Event, first.Delivery)
		}
		if first := bodies[r.Delivery]; first == nil {
			bodies[r.Delivery] = r
		} else if first.BodyHash != r.BodyHash {
			c.find("body changed", r.Delivery, "two requests differ")
		}
		if row := rows[r.Delivery]; row != nil && (row.Path != r.Path || row.Event != r.Event) {
			c.find("misdirected", r.Delivery, "event %s came to %s, and is %s for %s", r.Event, r.Path, row.Event, row.Path)
		}
	}
}
