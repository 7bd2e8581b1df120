package queue_test

import (
	"context"
	"net"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/groupcommit"
	"redrive/pkg/queue"
	"redrive/pkg/queue/queuetest"
	"redrive/pkg/testservers"
	"redrive/pkg/webhook"
)

// trips is a hook that records single commands and pipelines.
type trips struct {
	mutex    sync.Mutex
	alone    []redis.Cmder
	together [][]redis.Cmder
	hold     func() // called before a single command
}

func (t *trips) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

func (t *trips) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		t.mutex.Lock()
		t.alone = append(t.alone, cmd)
		t.mutex.Unlock()
		if t.hold != nil {
			t.hold()
		}
		return next(ctx, cmd)
	}
}

func (t *trips) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if cmds[0].Name() == "evalsha" { // not the commands that set up a connection
			t.mutex.Lock()
			t.together = append(t.together, cmds)
			t.mutex.Unlock()
		}
		return next(ctx, cmds)
	}
}

// dequeues counts asynq's dequeue scripts.
func dequeues(cmds []redis.Cmder) (count int) {
	for _, cmd := range cmds {
		if args := cmd.Args(); len(args) > 3 && args[0] == "evalsha" && args[3] == deliveryKeys.Pending {
			count++
		}
	}
	return count
}

func newPipelined(t *testing.T, linger time.Duration) (*queue.Pipelined, *trips) {
	t.Helper()
	client, seen := newBench(t, testservers.Redis(t)).Redis, &trips{}
	client.AddHook(seen)
	pipelined := queue.NewPipelined(client, linger)
	t.Cleanup(pipelined.Drain)
	return pipelined, seen
}

func TestEvalShaConcurrentSharesRoundTrips(t *testing.T) {
	t.Parallel()
	pipelined, seen := newPipelined(t, time.Millisecond)
	echo := redis.NewScript(`if ARGV[1] == "13" then return redis.error_reply("UNLUCKY") end return ARGV[1]`)
	const callers, each = 40, 25
	var group sync.WaitGroup
	for caller := range callers {
		group.Go(func() {
			for range each {
				text, err := echo.Run(t.Context(), pipelined, []string{"key"}, caller).Text()
				if caller == 13 {
					assert.ErrorContains(t, err, "UNLUCKY", "only this script fails")
					continue
				}
				assert.NoError(t, err)
				assert.Equal(t, strconv.Itoa(caller), text)
			}
		})
	}
	group.Wait()
	assert.Less(t, len(seen.alone)+len(seen.together), callers*each/2, "trips")
}

// A single script is sent at once. A script whose context has ended, or that comes after Drain, fails.
func TestEvalShaAloneIsNotPipelined(t *testing.T) {
	t.Parallel()
	pipelined, seen := newPipelined(t, 2*time.Millisecond)
	one := redis.NewScript("return 1")
	for range 3 {
		count, err := one.Run(t.Context(), pipelined, nil).Int()
		require.NoError(t, err)
		assert.Equal(t, 1, count)
	}
	assert.Empty(t, seen.together)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, one.Run(ctx, pipelined, nil).Err(), context.Canceled)

	pipelined.Drain()
	require.ErrorIs(t, one.Run(t.Context(), pipelined, nil).Err(), groupcommit.ErrClosed)
}

// A script does not run if its context ends before the call or while it waits for the round trip before its own.
func TestEvalShaContextEndedDoesNotRun(t *testing.T) {
	t.Parallel()
	pipelined, seen := newPipelined(t, time.Millisecond)
	count := redis.NewScript(`return redis.call("INCR", KEYS[1])`)
	require.NoError(t, count.Load(t.Context(), pipelined).Err())
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, count.Run(gone, pipelined, []string{"gone"}).Err(), context.Canceled)

	underWay, goOn := make(chan struct{}), make(chan struct{})
	var first sync.Once
	seen.hold = func() {
		first.Do(func() {
			close(underWay)
			<-goOn
		})
	}
	var group sync.WaitGroup
	group.Go(func() { assert.NoError(t, count.Run(t.Context(), pipelined, []string{"stays"}).Err()) })
	queuetest.Receive(t, underWay, "the first trip")
	leaving, leave := context.WithCancel(t.Context())
	waits := waited{leaving, make(chan struct{}), &sync.Once{}}
	group.Go(func() { assert.ErrorIs(t, count.Run(waits, pipelined, []string{"gone"}).Err(), context.Canceled) })
	queuetest.Receive(t, waits.begun, "the wait for the second trip")
	leave()
	close(goOn)
	group.Wait()
	pipelined.Drain()
	left, err := pipelined.Exists(t.Context(), "gone").Result()
	require.NoError(t, err)
	assert.Zero(t, left)
}

// waited is a context that closes begun when its Done channel is first used.
type waited struct {
	context.Context
	begun chan struct{}
	once  *sync.Once
}

func (w waited) Done() <-chan struct{} {
	w.once.Do(func() { close(w.begun) })
	return w.Context.Done()
}

// Acknowledgements are pipelined, and dequeue scripts are not. This test fails if another version of asynq changes the dequeue script.
func TestEvalShaDequeueIsNotPipelined(t *testing.T) {
	t.Parallel()
	pipelined, seen := newPipelined(t, 2*time.Millisecond)
	enqueuer := queue.NewEnqueuer(pipelined)
	const tasks = 300
	var enqueued sync.WaitGroup
	for range tasks {
		enqueued.Go(func() {
			_, err := enqueuer.Enqueue(t.Context(), queuetest.NewItem())
			assert.NoError(t, err)
		})
	}
	enqueued.Wait()

	done := make(chan struct{}, tasks)
	server := asynq.NewServerFromRedisClient(pipelined, asynq.Config{
		Concurrency: 50, Queues: map[string]int{webhook.QueueDeliveries: 1}, TaskCheckInterval: time.Millisecond, LogLevel: asynq.FatalLevel,
	})
	require.NoError(t, server.Start(asynq.HandlerFunc(func(context.Context, *asynq.Task) error {
		done <- struct{}{}
		return nil
	})))
	for range tasks {
		queuetest.Receive(t, done, "a task")
	}
	server.Shutdown()

	info, err := asynq.NewInspectorFromRedisClient(pipelined).GetQueueInfo(webhook.QueueDeliveries)
	require.NoError(t, err)
	assert.Zero(t, info.Size, "all are acknowledged")
	seen.mutex.Lock()
	defer seen.mutex.Unlock()
	assert.GreaterOrEqual(t, dequeues(seen.alone), tasks)
	assert.NotEmpty(t, seen.together)
	for _, cmds := range seen.together {
		assert.Zero(t, dequeues(cmds))
	}
}
