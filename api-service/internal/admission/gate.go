package admission

import (
	"context"
	"sync"
	"time"

	"redrive/pkg/lifecycle"
)

const (
	// fewRequests is the number of requests of an organization in progress up to which none is delayed: it does not publish faster than
	// it is delivered.
	fewRequests = 3
	// batchesAtOnce is how many batches are written at the same time, and batchesOfOne how many of one organization. More would not be
	// written faster, and would take connections and processors from single events and from dispatchers.
	batchesAtOnce, batchesOfOne = 8, 4
)

// Reports are what dispatchers report: queue.Lanes.
type Reports interface {
	// ReadLags returns for how long deliveries of organizations wait for busy dispatchers.
	ReadLags(ctx context.Context) (map[string]time.Duration, error)
}

// Gate admits publishes. It is safe for concurrent use.
type Gate struct {
	lags    lags
	batches chan struct{} // holds a value for each batch that is written

	mutex         sync.Mutex
	organizations map[string]*organization // those with requests in progress
}

// organization is what one organization has in progress.
type organization struct {
	requests int
	batches  chan struct{} // those of Gate.batches that are its own, and that wait for it
}

// New makes a Gate. The caller closes it.
func New(reports Reports) *Gate {
	return &Gate{lags: lags{reports: reports}, batches: make(chan struct{}, batchesAtOnce), organizations: map[string]*organization{}}
}

// Admit returns when the given number of events may be committed, with a function to call after they have been published. It returns the
// error of ctx if ctx ends first; there is nothing to call then.
func (g *Gate) Admit(ctx context.Context, organizationID string, events int) (done func(), err error) {
	o, few := g.enter(organizationID)
	leave := func() { g.leave(organizationID, o) }
	if !few {
		err = wait(ctx, delay(g.lags.of(organizationID), events))
	}
	if err != nil || events <= 1 {
		return admitted(leave, err)
	}
	write, err := g.slot(ctx, o)
	if err != nil {
		return admitted(leave, err)
	}
	return func() {
		write()
		leave()
	}, nil
}

// slot waits until a batch of the organization may be written, and returns a function that ends this. Organizations get their turns,
// since each has few that wait.
func (g *Gate) slot(ctx context.Context, o *organization) (end func(), err error) {
	select {
	case o.batches <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	select {
	case g.batches <- struct{}{}:
	case <-ctx.Done():
		<-o.batches
		return nil, ctx.Err()
	}
	return func() {
		<-g.batches
		<-o.batches
	}, nil
}

func admitted(leave func(), err error) (done func(), failed error) {
	if err != nil {
		leave()
		return nil, err
	}
	return leave, nil
}

// enter counts a request, and reports whether its organization has few in progress.
func (g *Gate) enter(organizationID string) (o *organization, few bool) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	o, known := g.organizations[organizationID]
	if !known {
		o = &organization{batches: make(chan struct{}, batchesOfOne)}
		g.organizations[organizationID] = o
	}
	o.requests++
	return o, o.requests <= fewRequests
}

func (g *Gate) leave(organizationID string, o *organization) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	if o.requests--; o.requests == 0 {
		delete(g.organizations, organizationID)
	}
}

// Close waits until nothing is read any more.
func (g *Gate) Close() { g.lags.close() }

// wait sleeps for a delay, or until ctx ends.
func wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	return lifecycle.Sleep(ctx, time.Until(release(time.Now(), d)))
}
