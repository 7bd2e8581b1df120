package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"redrive/dispatcher-service/internal/deliver"
	"redrive/pkg/lifecycle"
	"redrive/pkg/queue"
	"redrive/pkg/tracing"
	"redrive/pkg/webhook"
)

// Deliverer attempts a delivery (Deliver), counts attempts whose worker died (Orphaned) and stops starting new ones (Drain).
// deliver.Deliverer implements it.
type Deliverer interface {
	Deliver(ctx context.Context, id, queue string) (deliver.Verdict, error)
	Orphaned(ctx context.Context, id string) error
	Drain()
	// Forget: the delivery waits in the database, and its task is removed.
	Forget(id string)
}

// Claimer gives out tasks. claim.Claimer implements it.
type Claimer interface {
	// Client returns the client through which an asynq server dequeues.
	Client(shared redis.UniversalClient) redis.UniversalClient
	Start()
	Close(ctx context.Context)
	Tasks
}

// Tasks follows the tasks that were given out.
type Tasks interface {
	// LaneOf returns the lane of a delivery in progress. It is false for a task that an operator made.
	LaneOf(deliveryID string) (webhook.Lane, bool)
	Done(deliveryID string)
	// Rest claims nothing from a lane until a time.
	Rest(lane webhook.Lane, until time.Time)
}

// Backlog decides where a delivery waits that is to run later. queue.Lanes implements it.
type Backlog interface {
	Defer(ctx context.Context, deliveryID, queue string, lane webhook.Lane) (keep bool, err error)
}

// Options of a Pool.
type Options struct {
	// Concurrency is the number of deliveries in flight at once, at least 1.
	Concurrency int
	// ShutdownTimeout is how long Stop waits for deliveries in flight. It has to be longer than an attempt can take: asynq returns
	// the task to the queue before its handler has ended, and the receiver would get the webhook twice.
	ShutdownTimeout time.Duration
	// ForwardInterval is how often tasks that have come due are made pending. Defaults to 500 ms.
	ForwardInterval time.Duration
	// Tracing provides the tracer of deliveries. Defaults to no traces.
	Tracing trace.TracerProvider
	Log     *slog.Logger
	// RedisLog is for asynq's log, which is nearly all about Redis. Defaults to Log.
	RedisLog *slog.Logger
}

const (
	// servers is the number of asynq servers. Each dequeues one task at a time, and two drain a backlog up to 70 % faster than one.
	servers = 2
	// dequeuePause is the pause after a dequeue without a task. The Claimer has waited before it returns none.
	dequeuePause           = time.Millisecond
	defaultForwardInterval = 500 * time.Millisecond
	never                  = math.MaxInt64 * time.Nanosecond
	// gatherFor is how long acknowledgements are held so that they can be pipelined. It is short beside a delivery, and saves a third
	// of the work of Redis and its client.
	gatherFor = 2 * time.Millisecond
	// orphanTimeout bounds the counting of an orphaned attempt, which blocks asynq.
	orphanTimeout = 2 * time.Second
	// closeTimeout bounds the return of tasks that no worker has begun.
	closeTimeout = 2 * time.Second
)

// Pool dequeues tasks and runs them.
type Pool struct {
	claimer    Claimer
	backlog    Backlog
	redis      *queue.Pipelined // acknowledgements are most of the load on Redis
	servers    []*asynq.Server
	deliverer  Deliverer
	tracer     trace.Tracer // nil without traces
	log        *slog.Logger
	unhandled  lifecycle.Episode // of deliveries
	undeferred lifecycle.Episode // of tasks that could not be put off
	stopOnce   sync.Once
	stopped    chan struct{}
}

// New makes a Pool. The caller closes the client after Stop.
func New(client redis.UniversalClient, claimer Claimer, backlog Backlog, deliverer Deliverer, options Options) *Pool {
	p := &Pool{
		claimer: claimer, backlog: backlog, redis: queue.NewPipelined(client, gatherFor), deliverer: deliverer, log: options.Log,
		stopped: make(chan struct{}),
	}
	if options.Tracing != nil {
		p.tracer = options.Tracing.Tracer(tracing.Name)
	}
	if options.ForwardInterval == 0 {
		options.ForwardInterval = defaultForwardInterval
	}
	if options.RedisLog == nil {
		options.RedisLog = options.Log
	}
	count := max(1, min(servers, options.Concurrency)) // each has at least one worker: more servers would exceed Concurrency
	for i := range count {
		forwardInterval := options.ForwardInterval
		if i > 0 {
			forwardInterval = never // one server makes the due tasks of all pending
		}
		p.servers = append(p.servers, asynq.NewServerFromRedisClient(backoffClient{claimer.Client(p.redis)}, asynq.Config{
			Concurrency:              max(1, (options.Concurrency+i)/count),
			Queues:                   map[string]int{webhook.QueueDeliveries: 1},
			TaskCheckInterval:        dequeuePause,
			DelayedTaskCheckInterval: forwardInterval,
			ShutdownTimeout:          options.ShutdownTimeout,
			RetryDelayFunc:           p.retryDelay,
			IsFailure:                isFailure,
			Logger:                   logger{options.RedisLog},
			LogLevel:                 asynq.ErrorLevel, // deliver logs every attempt
		}))
	}
	return p
}

// Start starts to dequeue tasks. Redis may be unavailable at that time.
func (p *Pool) Start() error {
	p.claimer.Start()
	for _, server := range p.servers {
		if err := server.Start(asynq.HandlerFunc(p.handle)); err != nil {
			return fmt.Errorf("start an asynq server: %w", err)
		}
	}
	return nil
}

// Stop dequeues no more tasks and waits for deliveries in flight. It returns an error if ctx ends first. It may be called before
// Start, and more than once.
func (p *Pool) Stop(ctx context.Context) error {
	p.stopOnce.Do(func() {
		go func() {
			defer close(p.stopped)
			p.stop()
		}()
	})
	select {
	case <-p.stopped:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for deliveries in flight: %w", ctx.Err())
	}
}

// stop blocks until Redis has responded to the servers' last polls. All servers stop dequeuing before any is shut down: otherwise one
// would dequeue what another has just returned.
func (p *Pool) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	p.claimer.Close(ctx) // a server's Stop waits for its dequeue
	cancel()
	p.each((*asynq.Server).Stop)
	p.deliverer.Drain()
	p.each((*asynq.Server).Shutdown)
	p.redis.Drain()
}

func (p *Pool) each(step func(*asynq.Server)) {
	var group sync.WaitGroup
	for _, server := range p.servers {
		group.Go(func() { step(server) })
	}
	group.Wait()
}

func (p *Pool) handle(ctx context.Context, task *asynq.Task) error {
	if taskID, known := asynq.GetTaskID(ctx); known {
		defer p.claimer.Done(taskID)
	}
	id, err := queue.DeliveryID(task)
	if err != nil {
		return fmt.Errorf("%w: %w", err, asynq.SkipRetry) // enqueued by another program
	}
	name, _ := asynq.GetQueueName(ctx)
	verdict, err := p.deliver(ctx, id, name, task)
	if p.unhandled.Began(err, time.Now()) {
		p.log.WarnContext(ctx, "delivery not handled: its task is retried", "deliveryId", id, "error", err)
	}
	if err != nil {
		return err
	}
	return p.conclude(ctx, id, name, verdict)
}

// deliver runs the delivery in a span. The span continues the trace of the enqueuer. Without one, the delivery has a trace of its own.
func (p *Pool) deliver(ctx context.Context, id, name string, task *asynq.Task) (verdict deliver.Verdict, err error) {
	if p.tracer == nil {
		return p.deliverer.Deliver(ctx, id, name)
	}
	ctx, span := p.tracer.Start(tracing.FollowTask(ctx, task.Headers(), id), "deliver", trace.WithSpanKind(trace.SpanKindConsumer),
		trace.WithAttributes(attribute.String("deliveryId", id)))
	defer func() {
		span.SetAttributes(attribute.String("verdict", verdict.Kind.String()))
		tracing.End(span, err)
	}()
	return p.deliverer.Deliver(ctx, id, name)
}

// retryDelay returns how long asynq has to wait after an error. asynq.ErrLeaseExpired means that asynq's recoverer found a task whose
// worker is gone, before the reconciler did. The orphan is then counted here.
func (p *Pool) retryDelay(retried int, err error, task *asynq.Task) time.Duration {
	if errors.Is(err, asynq.ErrLeaseExpired) {
		p.orphaned(task)
	}
	return retryDelay(retried, err, task)
}

func (p *Pool) orphaned(task *asynq.Task) {
	id, err := queue.DeliveryID(task)
	if err != nil {
		return // enqueued by another program
	}
	ctx, cancel := context.WithTimeout(context.Background(), orphanTimeout)
	defer cancel()
	if err := p.deliverer.Orphaned(ctx, id); err != nil {
		p.log.WarnContext(ctx, "orphaned attempt not counted", "deliveryId", id, "error", err)
	}
}
