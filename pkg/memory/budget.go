package memory

import (
	"context"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/semaphore"
)

const (
	// Small is the largest small reservation, in bytes. Two hundred of them are 13 MB.
	Small = 64 << 10
	// Default is the size of a budget that is not configured, in bytes.
	Default = 64 << 20
)

// Budget is safe for concurrent use.
type Budget struct {
	total, large area
	ownerSize    int64

	inUse, waiting, refused atomic.Int64

	mutex  sync.Mutex
	owners map[string]*owner
}

// area is a part of the budget. A reservation takes no more than its size, so that one larger than the area can be made alone.
type area struct {
	*semaphore.Weighted
	size int64
}

func newArea(size int64) area { return area{semaphore.NewWeighted(size), size} }

type owner struct {
	area
	users int // callers that hold or await a reservation
}

// New makes a Budget with a size in bytes. 0 is Default.
func New(size int64) *Budget {
	if size == 0 {
		size = Default
	}
	return &Budget{total: newArea(size), large: newArea(max(1, size/4*3)), ownerSize: max(1, size/2), owners: map[string]*owner{}}
}

// InUse returns how many bytes are reserved.
func (b *Budget) InUse() int64 { return b.inUse.Load() }

// Waiting returns how many callers wait for a reservation.
func (b *Budget) Waiting() int64 { return b.waiting.Load() }

// Reservation is a part of the budget. The zero value is none.
type Reservation struct {
	budget *Budget
	owner  string
	size   int64
	areas  []area
}

// Reserve waits until the bytes are available to the owner. If ctx ends before, it returns the error of ctx. Release returns the bytes.
func (b *Budget) Reserve(ctx context.Context, ownerID string, size int64) (*Reservation, error) {
	r := b.begin(ownerID, size)
	if r.try() {
		return r, nil
	}
	b.waiting.Add(1)
	defer b.waiting.Add(-1)
	if err := r.acquire(ctx); err != nil {
		b.refused.Add(1)
		b.leave(ownerID)
		return nil, err
	}
	b.inUse.Add(size)
	return r, nil
}

// TryReserve is Reserve without waiting. It returns nil if the bytes cannot be had at once, or if others wait for theirs.
func (b *Budget) TryReserve(ownerID string, size int64) *Reservation {
	r := b.begin(ownerID, size)
	if r.try() {
		return r
	}
	b.leave(ownerID)
	return nil
}

func (b *Budget) begin(ownerID string, size int64) *Reservation {
	r := &Reservation{budget: b, owner: ownerID, size: size}
	mine := b.enter(ownerID)
	if size > Small {
		r.areas = append(r.areas, mine, b.large)
	}
	r.areas = append(r.areas, b.total)
	return r
}

// try takes all areas or none.
func (r *Reservation) try() bool {
	for i, a := range r.areas {
		if !a.TryAcquire(min(r.size, a.size)) {
			r.giveBack(i)
			return false
		}
	}
	r.budget.inUse.Add(r.size)
	return true
}

// acquire takes the areas one after the other. All callers take them in one order.
func (r *Reservation) acquire(ctx context.Context) error {
	for i, a := range r.areas {
		if err := a.Acquire(ctx, min(r.size, a.size)); err != nil {
			r.giveBack(i)
			return err
		}
	}
	return nil
}

func (r *Reservation) giveBack(areas int) {
	for _, a := range r.areas[:areas] {
		a.Release(min(r.size, a.size))
	}
}

// Release gives the bytes back. It has no effect on nil and after the first call. It must not be called twice at the same time.
func (r *Reservation) Release() {
	if r == nil || r.budget == nil {
		return
	}
	b := r.budget
	r.budget = nil
	r.giveBack(len(r.areas))
	b.inUse.Add(-r.size)
	b.leave(r.owner)
}

func (b *Budget) enter(ownerID string) area {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	o := b.owners[ownerID]
	if o == nil {
		o = &owner{area: newArea(b.ownerSize)}
		b.owners[ownerID] = o
	}
	o.users++
	return o.area
}

// leave removes the owner with its last caller, so that the map does not grow with past owners.
func (b *Budget) leave(ownerID string) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	o := b.owners[ownerID]
	o.users--
	if o.users == 0 {
		delete(b.owners, ownerID)
	}
}
