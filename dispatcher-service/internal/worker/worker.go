// Package worker runs deliveries off the queue: it decodes a task, calls the use case and tells asynq the verdict. It decides
// nothing.
package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"redrive/dispatcher-service/internal/deliver"
	"redrive/pkg/queue"
	"redrive/pkg/tracing"
	"redrive/pkg/webhook"
)

// Deliverer makes an attempt, and is told of one that was found without its worker, and when to begin no more of them:
// deliver.Deliverer.
type Deliverer interface {
	Deliver(ctx context.Context, id, queue string) (deliver.Verdict, error)
	Orphaned(ctx context.Context, id string) error
	Drain()
}

// Options of a Pool.
type Options struct {
	// Concurrency is the number of deliveries in flight at once, at least 1.
	Concurrency int
	// ShutdownTimeout is how long Stop waits for them; longer than an attempt can take, for asynq hands a task on before it
	// stops the handler, and the receiver would be sent the webhook twice.
	ShutdownTimeout time.Duration
	// PollInterval is how soon an idle worker notices a task: asynq polls. Defaults to 16 ms.
	PollInterval time.Duration
	// ForwardInterval is how soon a task that has come due is moved to where workers look. Defaults to 500 ms.
	ForwardInterval time.Duration
	// Tracing makes spans of deliveries. Defaults to none.
	Tracing trace.TracerProvider
	Log     *slog.Logger
	// RedisLog is for what asynq logs, nearly all of it about Redis. Defaults to Log.
	RedisLog *slog.Logger
}

const (
	// servers is how many asynq servers share the work: each takes one task at a time off the queue, and two in a process
	// drain up to 70 % more.
	servers = 2
	// One server that looks often finds a task sooner than two that look half as often each, for as many questions to Redis:
	// nobody waits longer than one interval. The others look seldom, and go on at once when there is more to take.
	seldom = 8
	// At 16 ms an idle dispatcher asks Redis for some 230 commands a second, and a task waits 8 ms on average and 24 at most.
	defaultPollInterval    = 16 * time.Millisecond
	defaultForwardInterval = 500 * time.Millisecond
	// gatherFor is how long the end of a delivery waits to be told to Redis together with others': little beside what the delivery
	// took, and a third of what Redis and its client do for it.
	gatherFor = 2 * time.Millisecond
	// orphanTimeout bounds the note of an orphaned attempt, for asynq waits for it.
	orphanTimeout = 2 * time.Second
)

// Pool takes tasks off the queue.
type Pool struct {
	redis     *queue.Pipelined // most of what a delivery costs Redis is to be told how it ended
	servers   []*asynq.Server
	deliverer Deliverer
	tracer    trace.Tracer // nil without traces
	log       *slog.Logger
	stopOnce  sync.Once
	stopped   chan struct{}
}

// New makes a Pool over a shared client, which stays the caller's to close.
func New(client redis.UniversalClient, deliverer Deliverer, options Options) *Pool {
	p := &Pool{redis: queue.NewPipelined(client, gatherFor), deliverer: deliverer, log: options.Log, stopped: make(chan struct{})}
	if options.Tracing != nil {
		p.tracer = options.Tracing.Tracer(tracing.Name)
	}
	if options.PollInterval == 0 {
		options.PollInterval = defaultPollInterval
	}
	if options.ForwardInterval == 0 {
		options.ForwardInterval = defaultForwardInterval
	}
	if options.RedisLog == nil {
		options.RedisLog = options.Log
	}
	count := max(1, min(servers, options.Concurrency)) // a server without a share would take what another has to spare
	for i := range count {
		poll := options.PollInterval
		if i > 0 {
			poll *= seldom
		}
		p.servers = append(p.servers, asynq.NewServerFromRedisClient(patient{p.redis}, asynq.Config{
			Concurrency:              max(1, (options.Concurrency+i)/count),
			Queues:                   map[string]int{webhook.QueueDeliveries: 1},
			TaskCheckInterval:        poll,
			DelayedTaskCheckInterval: options.ForwardInterval,
			ShutdownTimeout:          options.ShutdownTimeout,
			RetryDelayFunc:           p.retryDelay,
			IsFailure:                isFailure,
			Logger:                   logger{options.RedisLog},
			LogLevel:                 asynq.ErrorLevel, // every attempt has its own line already
		}))
	}
	return p
}

// Start begins to take tasks. It does not need Redis to be there yet.
func (p *Pool) Start() error {
	for _, server := range p.servers {
		if err := server.Start(asynq.HandlerFunc(p.handle)); err != nil {
			return fmt.Errorf("start taking tasks: %w", err)
		}
	}
	return nil
}

// Stop takes no more tasks, waits for those in flight and returns. It may be called before Start, and again.
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

// stop takes its time: a server that waits for Redis does not look up before it has an answer. All servers stop taking
// before any is shut down or hands tasks back: one of them would otherwise take what the other has just handed back.
func (p *Pool) stop() {
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
	id, err := queue.DeliveryID(task)
	if err != nil {
		return fmt.Errorf("%w: %w", err, asynq.SkipRetry) // nobody of ours put this here
	}
	name, _ := asynq.GetQueueName(ctx)
	verdict, err := p.deliver(ctx, id, name, task)
	if err != nil {
		p.log.WarnContext(ctx, "delivery not handled: its task is retried", "deliveryId", id, "error", err)
		return err
	}
	return answer(verdict)
}

// deliver is part of the trace of whoever enqueued the task, or begins one.
func (p *Pool) deliver(ctx context.Context, id, name string, task *asynq.Task) (verdict deliver.Verdict, err error) {
	if p.tracer == nil {
		return p.deliverer.Deliver(ctx, id, name)
	}
	ctx, span := p.tracer.Start(tracing.Follow(ctx, task.Headers()), "deliver", trace.WithSpanKind(trace.SpanKindConsumer),
		trace.WithAttributes(attribute.String("deliveryId", id)))
	defer func() {
		span.SetAttributes(attribute.String("verdict", verdict.Kind.String()))
		tracing.End(span, err)
	}()
	return p.deliverer.Deliver(ctx, id, name)
}

// later asks asynq for another run at a time.
type later struct {
	at     time.Time
	reason string
	failed bool // an attempt was made and failed
}

func (l *later) Error() string { return l.reason }

// dead asks asynq to archive the task, with the reason alone as its last error.
type dead struct{ reason string }

func (d *dead) Error() string { return d.reason }

// Is makes asynq take it for asynq.SkipRetry.
func (d *dead) Is(target error) bool { return target == asynq.SkipRetry }

func answer(v deliver.Verdict) error {
	switch v.Kind {
	case deliver.KindRetry:
		return &later{at: v.At, reason: v.Reason, failed: true}
	case deliver.KindSnooze:
		return &later{at: v.At, reason: v.Reason}
	case deliver.KindDead:
		return &dead{v.Reason}
	default:
		return nil
	}
}

// isFailure says what asynq's statistics, and a task's count of retries, take for a failed run: an attempt that failed, and
// neither a snooze nor what went wrong on our side. asynq asks it about tasks that run again; one that is archived always
// counts.
func isFailure(err error) bool {
	var l *later
	if errors.As(err, &l) {
		return l.failed
	}
	return errors.Is(err, asynq.SkipRetry)
}

// retryDelay is asked by asynq for how long to wait after an error. A lease that has expired is what asynq's recoverer found a
// task with whose worker is gone: should it have been faster than our reconciler, the orphan is counted here.
func (p *Pool) retryDelay(retried int, err error, task *asynq.Task) time.Duration {
	if errors.Is(err, asynq.ErrLeaseExpired) {
		p.orphaned(task)
	}
	return retryDelay(retried, err, task)
}

func (p *Pool) orphaned(task *asynq.Task) {
	id, err := queue.DeliveryID(task)
	if err != nil {
		return // nobody of ours put this here
	}
	ctx, cancel := context.WithTimeout(context.Background(), orphanTimeout)
	defer cancel()
	if err := p.deliverer.Orphaned(ctx, id); err != nil {
		p.log.WarnContext(ctx, "orphaned attempt not counted", "deliveryId", id, "error", err)
	}
}

// retryDelay is asked for how long to wait after an error. Times that the database set are met to the second, rounded up,
// for asynq cuts fractions off; what went wrong on our side is tried again soon, and not by all at once.
func retryDelay(_ int, err error, _ *asynq.Task) time.Duration {
	var l *later
	if !errors.As(err, &l) {
		return time.Second + rand.N(4*time.Second)
	}
	wait := max(0, time.Until(l.at))
	if whole := wait.Truncate(time.Second); whole != wait {
		return whole + time.Second
	}
	return wait
}
