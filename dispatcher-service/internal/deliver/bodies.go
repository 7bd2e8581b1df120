package deliver

import (
	"context"
	"encoding/json"
	"sync"

	"redrive/pkg/groupcommit"
	"redrive/pkg/memory"
	"redrive/pkg/webhook"
)

const (
	// bodiesPerLoad bounds the copies that exist while bodies are read.
	bodiesPerLoad = 4
	// bodyHead is what a body has beside the data, in bytes, with the longest fields.
	bodyHead = 2 << 10
)

// bodies holds the large bodies of the deliveries in flight, once for each event. It is safe for concurrent use.
//
//	join ─▶ reserved: the budget has granted the memory ─▶ load: the first user reads, the others wait ─▶ leave
//
// The last user that leaves gives the memory back. Memory is awaited for the event, not for each of its deliveries.
type bodies struct {
	budget *memory.Budget
	loads  *groupcommit.Group[string, json.RawMessage]

	mutex   sync.Mutex
	events  map[string]*body // by the event's ID
	refused refusals
	// waiting has an element for each worker that waits for memory.
	waiting chan struct{}
}

// body is one event's.
type body struct {
	users       int
	reservation *memory.Reservation
	cancel      context.CancelFunc // ends the wait for memory
	reserved    chan struct{}      // closed once there is a reservation
	load        sync.Once
	content     []byte
	err         error
}

func newBodies(o Options) *bodies {
	return &bodies{
		budget: o.Memory, events: map[string]*body{}, waiting: make(chan struct{}, o.MemoryWaiters),
		loads: groupcommit.New(o.Store.LoadData, groupcommit.Options{MaxBatch: bodiesPerLoad, Timeout: o.DatabaseTimeout}),
	}
}

// join makes the caller a user of the event's body. It has to call leave.
func (b *bodies) join(dispatch webhook.Dispatch) *body {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	shared := b.events[dispatch.Event.ID]
	if shared != nil {
		shared.users++
		return shared
	}
	shared = &body{users: 1, reserved: make(chan struct{}), cancel: func() {}}
	b.events[dispatch.Event.ID] = shared
	organizationID, size := dispatch.Event.OrganizationID, dispatch.Omitted+bodyHead
	if shared.reservation = b.budget.TryReserve(organizationID, size); shared.reservation != nil {
		close(shared.reserved)
		return shared
	}
	var ctx context.Context
	ctx, shared.cancel = context.WithCancel(context.Background())
	go b.reserve(ctx, shared, organizationID, size)
	return shared
}

// reserve waits for the memory until there is some, or the body has no users.
func (b *bodies) reserve(ctx context.Context, shared *body, organizationID string, size int64) {
	reservation, err := b.budget.Reserve(ctx, organizationID, size)
	if err != nil {
		return
	}
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if shared.users == 0 {
		reservation.Release()
		return
	}
	shared.reservation = reservation
	close(shared.reserved)
}

// read returns the body of the event, which must be reserved.
func (b *bodies) read(ctx context.Context, shared *body, event webhook.Event) ([]byte, error) {
	shared.load.Do(func() {
		if event.Data, shared.err = b.loads.Do(context.WithoutCancel(ctx), event.ID); shared.err == nil {
			shared.content, shared.err = event.Body()
		}
		if shared.err != nil {
			b.forget(shared, event.ID)
		}
	})
	return shared.content, shared.err
}

// forget makes the next delivery of the event read the body again.
func (b *bodies) forget(shared *body, eventID string) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if b.events[eventID] == shared {
		delete(b.events, eventID)
	}
}

// leave ends the use of a body.
func (b *bodies) leave(shared *body, eventID string) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	shared.users--
	if shared.users > 0 {
		return
	}
	if b.events[eventID] == shared {
		delete(b.events, eventID)
	}
	shared.cancel()
	shared.reservation.Release()
}
