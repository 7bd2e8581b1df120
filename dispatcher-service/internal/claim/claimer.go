package claim

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"redrive/pkg/queue"
	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

const (
	// takeAtOnce is the number of tasks in one take: one script costs Redis little more than one task does.
	takeAtOnce = 16
	// patience is how long a dequeue waits for a notification. A lost notification delays a task by no more.
	patience = 500 * time.Millisecond
)

// Lanes is what Redis knows about the backlog: queue.Lanes.
type Lanes interface {
	List(ctx context.Context) (map[webhook.Lane]queue.LaneState, error)
	Close(ctx context.Context, lane webhook.Lane, state queue.LaneState) (bool, error)
	WithoutTask(ctx context.Context, queue string, ids []string) ([]string, error)
}

// Tasks gives out tasks: queue.Lanes.
type Tasks interface {
	Take(ctx context.Context, queue string, n int, candidates []queue.Candidate) (queue.Taking, error)
	HandBack(ctx context.Context, queue string, taken []queue.Taken) error
	Notifications(ctx context.Context) (notified <-chan struct{}, stop func() error)
}

// Store is the backlog in the database: store.Store.
type Store interface {
	ReadLanes(ctx context.Context, cursors []store.LaneCursor, limit int) ([][]store.Due, error)
}

// Options of a Claimer. All are required.
type Options struct {
	Lanes interface {
		Lanes
		Tasks
	}
	Store Store
	// Queue is the name of the asynq queue.
	Queue string
	// Workers is the number of deliveries in flight at once.
	Workers int
	// Room returns how many attempts an endpoint's bulkhead would admit now.
	Room func(endpointID string) int
	Log  *slog.Logger
}

// Claimer gives tasks to the workers of this process. It is safe for concurrent use.
type Claimer struct {
	options Options
	load    *Load
	reader  *reader

	mutex   sync.Mutex
	chooser *chooser
	ready   []queue.Taken      // taken and not yet given to asynq
	held    map[string]holding // taken and not yet done, by delivery ID
	looking bool               // one look at a time
	added   int64              // the number of deliveries added to lanes, as of the last look
	closed  bool
	changed chan struct{} // closed and replaced when a look may find more

	stopOnce sync.Once
	stop     context.CancelFunc
	group    sync.WaitGroup
}

// holding is a delivery that a worker of this process has, or is given next.
type holding struct {
	lane    webhook.Lane
	entered bool // its endpoint's bulkhead counts it
	tasks   int  // more than one after Redis was emptied and the delivery was claimed again while a worker has it
}

// New makes a Claimer.
func New(options Options) *Claimer {
	c := &Claimer{
		options: options, load: NewLoad(), chooser: newChooser(options.Room),
		held: map[string]holding{}, changed: make(chan struct{}), stop: func() {},
	}
	c.load.changed = c.signal
	c.reader = newReader(c)
	return c
}

// Start begins to read ahead and to listen for notifications. It does nothing after Close.
func (c *Claimer) Start() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.closed {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	c.stop = cancel
	notified, end := c.options.Lanes.Notifications(ctx)
	c.group.Go(func() {
		<-ctx.Done()
		_ = end() // the connection may be broken
	})
	c.group.Go(func() {
		for range notified {
			c.reader.look()
			c.signal()
		}
	})
	c.group.Go(func() { c.reader.run(ctx) })
}

// Close gives no more tasks out and returns tasks that no worker has begun to the queue. It may be called before Start, and again.
func (c *Claimer) Close(ctx context.Context) {
	c.mutex.Lock()
	c.closed = true
	back := c.ready
	c.ready = nil
	c.mutex.Unlock()
	c.signal()
	c.stopOnce.Do(func() { c.stop() })
	c.group.Wait()
	c.handBack(ctx, back)
}

func (c *Claimer) handBack(ctx context.Context, taken []queue.Taken) {
	if err := c.options.Lanes.HandBack(ctx, c.options.Queue, taken); err != nil {
		c.options.Log.WarnContext(ctx, "tasks could not be handed back and are recovered later", "tasks", len(taken), "error", err)
	}
}

// signal lets those who wait look again.
func (c *Claimer) signal() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	close(c.changed)
	c.changed = make(chan struct{})
}

// Done is called when a worker is done with a delivery that it was given.
func (c *Claimer) Done(deliveryID string) {
	c.mutex.Lock()
	h, ended := c.held[deliveryID]
	if ended {
		h.tasks--
		c.held[deliveryID] = h
		ended = h.tasks == 0
	}
	if ended {
		c.enter(deliveryID)
		delete(c.held, deliveryID)
		c.chooser.end(h.lane)
	}
	c.mutex.Unlock()
	if ended {
		c.load.End() // signals
	}
}

// hold counts a task that was taken. A delivery counts once, however many tasks of it there are.
func (c *Claimer) hold(t queue.Taken) {
	h, known := c.held[t.DeliveryID]
	if !known {
		h.lane = t.Lane
		c.chooser.begin(t.Lane)
		c.load.Begin()
	}
	h.tasks++
	c.held[t.DeliveryID] = h
}

// Pause and Resume leave out of the Load the time in which a delivery waits for its bulkhead or its receiver.
func (c *Claimer) Pause(deliveryID string) {
	if c.holds(deliveryID) {
		c.load.Pause()
	}
}

// Resume ends Pause.
func (c *Claimer) Resume(deliveryID string) {
	if c.holds(deliveryID) {
		c.load.Begin()
	}
}

func (c *Claimer) holds(deliveryID string) bool {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	_, known := c.held[deliveryID]
	return known
}

// LaneOf returns the lane that a delivery in flight came from. It is false for a task that an operator made.
func (c *Claimer) LaneOf(deliveryID string) (webhook.Lane, bool) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	h, known := c.held[deliveryID]
	return h.lane, known && h.lane.EndpointID != ""
}

// Entered is called when a delivery came to its endpoint's bulkhead, which counts it from then on. Further calls do nothing.
func (c *Claimer) Entered(deliveryID string) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.enter(deliveryID)
}

func (c *Claimer) enter(deliveryID string) {
	if h, known := c.held[deliveryID]; known && !h.entered {
		h.entered = true
		c.held[deliveryID] = h
		c.chooser.entered(h.lane.EndpointID)
	}
}

// next returns a task, or false if there is none within patience or the Claimer is closed.
func (c *Claimer) next(ctx context.Context) (queue.Taken, bool, error) {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		c.mutex.Lock()
		if c.closed {
			c.mutex.Unlock()
			return queue.Taken{}, false, nil
		}
		if len(c.ready) > 0 {
			taken := c.ready[0]
			c.ready = c.ready[1:]
			c.mutex.Unlock()
			return taken, true, nil
		}
		changed := c.changed // before the look: what happens during it is not missed
		room := min(takeAtOnce, c.options.Workers-len(c.held), c.load.Room())
		mayLook := !c.looking && room > 0
		c.looking = c.looking || mayLook
		c.mutex.Unlock()

		if mayLook {
			found, err := c.look(ctx, room)
			if err != nil {
				return queue.Taken{}, false, err
			}
			if found {
				continue
			}
		}
		select {
		case <-changed:
		case <-timer.C:
			return queue.Taken{}, false, nil
		}
	}
}

// look takes tasks. Those that wait for its end look at what it found.
func (c *Claimer) look(ctx context.Context, n int) (found bool, err error) {
	c.mutex.Lock()
	chosen := c.chooser.choose(n)
	c.mutex.Unlock()
	taking, err := c.options.Lanes.Take(ctx, c.options.Queue, n, chosen)
	c.mutex.Lock()
	c.looking = false
	c.chooser.settle(chosen, taking.Fates)
	for i, fate := range taking.Fates {
		if fate == queue.NoBacklog {
			c.chooser.close(chosen[i].Lane)
		}
	}
	for _, t := range taking.Tasks {
		c.hold(t)
	}
	back := taking.Tasks
	if !c.closed {
		c.ready, back = append(c.ready, taking.Tasks...), nil
	}
	more := c.chooser.low(lowWater) || taking.Added != c.added
	c.added = taking.Added
	c.mutex.Unlock()
	if len(taking.Tasks) > 0 {
		c.signal()
	}
	if more {
		c.reader.look()
	}
	if len(back) > 0 {
		c.handBack(ctx, back)
	}
	return len(taking.Tasks) > 0, err
}
