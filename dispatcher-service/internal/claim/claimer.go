package claim

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"redrive/pkg/queue"
	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

const (
	// takeAtOnce is the number of tasks in one take: one script costs Redis little more than one task does.
	takeAtOnce = 16
	// takeAtLeast is the number of tasks for which a dispatcher takes any while its own work is at its limit.
	takeAtLeast = 8
	// mostPassed bounds the candidates in one take beyond the tasks that it may return.
	mostPassed = 2 * takeAtOnce
	// patience is how long a dequeue waits for a task.
	patience = 500 * time.Millisecond
)

// Lanes reads the state of the backlog in Redis: queue.Lanes.
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
	ReportLags(ctx context.Context, lags map[string]time.Duration) error
}

// Store is the backlog in the database: store.Store.
type Store interface {
	ReadLanes(ctx context.Context, cursors []store.LaneCursor, limit int) ([][]store.Due, error)
}

// Options of a Claimer. All but Emptied and Registry are required.
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
	// Room returns for how many more deliveries of an endpoint its bulkhead will have a slot by the time that they are loaded.
	Room func(endpointID string) int
	Log  *slog.Logger
	// Emptied is called when Redis has lost its fields about lanes, and once when the queue is paused. It must not block. It may be nil.
	Emptied func()
	// Registry is where metrics are registered. Without one they are not exported.
	Registry prometheus.Registerer
}

// Claimer gives tasks to the workers of this process. It is safe for concurrent use.
type Claimer struct {
	options Options
	metrics metrics
	load    *Load
	reader  *reader

	mutex   sync.Mutex
	chooser *chooser
	ready   []queue.Taken      // taken and not yet given to asynq
	held    map[string]holding // taken and not yet done, by delivery ID
	looks   looks
	lags    *lags
	passed  int   // candidates of the last look that other dispatchers had claimed; the next look has as many more
	added   int64 // the number of deliveries added to lanes, as of the last look
	closed  bool
	changed chan struct{} // closed and replaced when a look may find more

	stopOnce sync.Once
	stop     context.CancelFunc
	group    sync.WaitGroup
}

// holding is a delivery that a worker of this process has, or is given next.
type holding struct {
	lane    webhook.Lane
	since   time.Time // when its task became pending, or it was due; zero if that is not known
	entered bool      // its endpoint's bulkhead counts it
	tasks   int       // more than one after Redis was emptied and the delivery was claimed again while a worker has it
}

// New makes a Claimer.
func New(options Options) *Claimer {
	c := &Claimer{
		options: options, metrics: newMetrics(options.Registry), load: NewLoad(), chooser: newChooser(options.Room),
		held: map[string]holding{}, changed: make(chan struct{}), stop: func() {}, lags: newLags(),
	}
	c.load.changed = c.freed
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
	c.group.Go(func() { c.lags.run(ctx, c.options.Lanes.ReportLags) })
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

// signal makes waiting callers try again, because there may be more to take.
func (c *Claimer) signal() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.looks.news = true
	c.broadcast()
}

// freed makes waiting callers try again if there is something to take, because there may be more room for it.
func (c *Claimer) freed() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if (c.looks.news || !c.looks.drained) && c.room() > 0 {
		c.broadcast()
	}
}

func (c *Claimer) broadcast() {
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
		h.lane, h.since = t.Lane, t.Since
		c.chooser.begin(t.Lane)
		c.load.Begin()
	}
	h.tasks++
	c.held[t.DeliveryID] = h
}

// Pause and Resume leave out of the Load the time in which a delivery waits for its bulkhead or its receiver. At Pause a delivery has
// been loaded: the time since it was enqueued is what this dispatcher was behind.
func (c *Claimer) Pause(deliveryID string) {
	h, known := c.holding(deliveryID)
	if !known {
		return
	}
	if c.load.Busy() && !h.since.IsZero() {
		c.lags.note(h.lane.OrganizationID, time.Since(h.since))
	}
	c.load.Pause()
}

// Resume ends Pause.
func (c *Claimer) Resume(deliveryID string) {
	if _, known := c.holding(deliveryID); known {
		c.load.Begin()
	}
}

func (c *Claimer) holding(deliveryID string) (h holding, known bool) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	h, known = c.held[deliveryID]
	return h, known
}

// LaneOf returns the lane that a delivery in flight came from. It is false for a task that an operator made.
func (c *Claimer) LaneOf(deliveryID string) (webhook.Lane, bool) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	h, known := c.held[deliveryID]
	return h.lane, known && h.lane.EndpointID != ""
}

// Rest claims nothing from a lane until a time, in this process. A later time replaces an earlier one.
func (c *Claimer) Rest(lane webhook.Lane, until time.Time) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.chooser.rest(lane, until)
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
