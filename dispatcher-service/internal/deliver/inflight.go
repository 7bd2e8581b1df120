package deliver

import "sync"

// inFlight holds the IDs of the deliveries that this process is handling. After Redis has lost its data, a delivery can be
// enqueued again while its first run is still sending. A second run in the same process is prevented here.
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
