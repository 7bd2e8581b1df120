package nodes

import (
	"time"

	"redrive/deploy/chaos/internal/audit"
)

// adjustClocks converts the times of a history to the clock of this machine. Dispatchers record the times of their attempts by their own
// clocks. The request of an attempt says which dispatcher made it.
func (w *world) adjustClocks(h *audit.History) {
	if len(w.clocks) == 0 {
		return
	}
	type sent struct {
		delivery string
		second   int64
	}
	by := map[sent]time.Duration{}
	for i := range h.Requests {
		r := &h.Requests[i]
		ahead := w.ahead(r.Dispatcher)
		by[sent{r.Delivery, r.Timestamp}] = ahead
		r.Timestamp -= int64(ahead / time.Second)
	}
	for i := range h.Attempts {
		a := &h.Attempts[i]
		ahead := by[sent{a.Delivery, a.Started.Unix()}]
		a.Started = a.Started.Add(-ahead)
		if !a.Next.IsZero() {
			a.Next = a.Next.Add(-ahead)
		}
	}
}
