package audit

import (
	"maps"
	"slices"
	"time"

	"redrive/pkg/webhook"
)

// Result is the result of a check.
type Result struct {
	// Accepted is the number of deliveries that the API confirmed, and Lost how many of them did not end as their receiver determined.
	Accepted, Lost int
	// Unanswered is the number of deliveries that were created although their answer was lost.
	Unanswered         int
	Succeeded, Failed  int
	Requests, Attempts int
	// Duplicates is the number of sends that the record did not need: superseded attempts, and requests without a recorded attempt.
	Duplicates, Superseded, Unrecorded int
	// InFlight is the number of requests that were open, or answered and not yet recorded, at a kill, a freeze, a flush or a partition. At
	// most that many can have been sent twice.
	InFlight int
	// ByCleanStops is the number of duplicates that only a clean stop explains. They are findings too.
	ByCleanStops int
	Findings     []Finding
	// Remade is the time from each orphaned attempt, after a SIGKILL, to its repetition.
	Remade     []time.Duration
	Recoveries []Recovery
}

// check is the state of a check.
type check struct {
	*History
	result Result
	// held are the requests that were in flight at a fault.
	held map[*Request]bool
}

// Check compares a history with the rules.
func Check(h *History) Result {
	c := &check{History: h, held: map[*Request]bool{}}
	stories := h.stories()
	c.result.Accepted, c.result.Requests, c.result.Attempts = len(h.Accepted), len(h.Requests), len(h.Attempts)
	c.endings(stories)
	c.identities()
	for _, id := range slices.Sorted(maps.Keys(stories)) { // sorted, so that two checks return the same findings
		s := stories[id]
		if s.row == nil {
			c.find("unknown webhook-id", id, "the receiver was sent what is not in the database")
			continue
		}
		c.match(s)
		c.moves(s)
		c.times(s)
		c.handRetries(s)
		c.duplicates(s)
	}
	c.result.InFlight = len(c.held)
	c.result.Recoveries = c.recoveries(stories)
	return c.result
}

// endings checks that every delivery ended as its receiver determined.
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

// identities checks that each event has one webhook-id at each endpoint, with one body and a valid signature.
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
