package deliver

import "sync"

// inFlight is the deliveries that this process is sending. After Redis has been emptied, a delivery can be enqueued again
// while its first run is still at it; within one process that is easily told.
type inFlight struct{ ids sync.Map }

func (f *inFlight) begin(id string) bool {
	_, loaded := f.ids.LoadOrStore(id, struct{}{})
	return !loaded
}

func (f *inFlight) has(id string) bool {
	_, found := f.ids.Load(id)
	return found
}

func (f *inFlight) end(id string) { f.ids.Delete(id) }
