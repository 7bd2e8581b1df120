package deliver

import (
	"sync"
	"time"

	"redrive/pkg/queue"
)

// inFlight holds the deliveries that this process is handling. After Redis has lost its data, a delivery can be
// enqueued again while its first run is still sending. A second run in the same process is prevented here.
type inFlight struct{ runs sync.Map } // a time.Time by ID: when the attempt began, zero before

func (f *inFlight) begin(id string) bool {
	_, loaded := f.runs.LoadOrStore(id, time.Time{})
	return !loaded
}

// attempting notes that the attempt of the delivery begins.
func (f *inFlight) attempting(id string) { f.runs.Store(id, time.Now()) }

func (f *inFlight) has(id string) bool {
	_, found := f.runs.Load(id)
	return found
}

func (f *inFlight) end(id string) { f.runs.Delete(id) }

// attempts returns the deliveries whose attempt has begun and is not on record yet, at most limit, and how many more there are.
func (f *inFlight) attempts(limit int) (begun map[string]time.Time, more int) {
	begun = map[string]time.Time{}
	f.runs.Range(func(id, at any) bool {
		switch began := at.(time.Time); { //nolint:forcetypeassert // nothing else is stored
		case began.IsZero():
		case len(begun) < limit:
			begun[id.(string)] = began //nolint:forcetypeassert // nothing else is stored
		default:
			more++
		}
		return true
	})
	return begun, more
}

// Summarize adds the attempts in flight to a summary, the organizations without memory, and why no attempt is started.
func (d *Deliverer) Summarize(summary *queue.Summary) {
	summary.Attempts, summary.Dispatcher.OmittedAttempts = d.inFlight.attempts(queue.MaxSummaryDeliveries)
	summary.Organizations = d.bodies.refused.recent()
	summary.Dispatcher.Stopping = d.outage.isDraining()
	switch {
	case d.outage.resolved() != nil:
		summary.Dispatcher.Stalled = "it cannot reach the database"
	case d.shortage.check() != nil:
		summary.Dispatcher.Stalled = "it lacks resources, such as file descriptors"
	}
}
