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

// trips takes down what goes to Redis, and with how many others.
type trips struct {
	mutex    sync.Mutex
	alone    []redis.Cmder
	together [][]redis.Cmder
	hold     func() // before what goes alone
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
		if cmds[0].Name() == "evalsha" { // and not what the client says to a new connection
			t.mutex.Lock()
			t.together = append(t.together, cmds)
			t.mutex.Unlock()
		}
		return next(ctx, cmds)
	}
}

// takes counts the commands with which asynq takes a task off the queue.
func takes(cmds []redis.Cmder) (count int) {
	for _, cmd := range cmds {
		if args := cmd.Args(); len(args) > 3 && args[0] == "evalsha" && args[3] == deliveryKeys.Pending {
			count++
		}
	}
	return count
}

func newGathered(t *testing.T, linger time.Duration) (*queue.Pipelined, *trips) {
	t.Helper()
	client, seen := newBench(t, testservers.Redis(t)).Redis, &trips{}
	client.AddHook(seen)
	gathered := queue.NewPipelined(client, linger)
	t.Cleanup(gathered.Drain)
	return gathered, seen
}

func TestScriptsShareATrip(t *testing.T) {
	t.Parallel()
	gathered, seen := newGathered(t, time.Millisecond)
	echo := redis.NewScript(`if ARGV[1] == "13" then return redis.error_reply("UNLUCKY") end return ARGV[1]`)
	const callers, each = 40, 25
	var group sync.WaitGroup
	for caller := range callers {
		group.Go(func() {
			for range each {
				text, err := echo.Run(t.Context(), gathered, []string{"key"}, caller).Text()
				if caller == 13 {
					assert.ErrorContains(t, err, "UNLUCKY", "an error is its own script's")
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

// A script that nobody else runs waits for nobody, and a caller that has gone is let go.
func TestAScriptAlone(t *testing.T) {
	t.Parallel()
	gathered, seen := newGathered(t, 2*time.Millisecond)
	one := redis.NewScript("return 1")
	for range 3 {
		count, err := one.Run(t.Context(), gathered, nil).Int()
		require.NoError(t, err)
		assert.Equal(t, 1, count)
	}
	assert.Empty(t, seen.together)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, one.Run(ctx, gathered, nil).Err(), context.Canceled)

	gathered.Drain()
	require.ErrorIs(t, one.Run(t.Context(), gathered, nil).Err(), groupcommit.ErrClosed)
}

// A script whose caller has gone is not run, neither before it has come nor while it waits for the trip before its own.
func TestNothingIsSaidForWhoHasGone(t *testing.T) {
	t.Parallel()
	gathered, seen := newGathered(t, time.Millisecond)
	count := redis.NewScript(`return redis.call("INCR", KEYS[1])`)
	require.NoError(t, count.Load(t.Context(), gathered).Err())
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, count.Run(gone, gathered, []string{"gone"}).Err(), context.Canceled)

	underWay, goOn := make(chan struct{}), make(chan struct{})
	var first sync.Once
	seen.hold = func() {
		first.Do(func() {
			close(underWay)
			<-goOn
		})
	}
	var group sync.WaitGroup
	group.Go(func() { assert.NoError(t, count.Run(t.Context(), gathered, []string{"stays"}).Err()) })
	queuetest.Receive(t, underWay, "the first trip")
	leaving, leave := context.WithCancel(t.Context())
	waits := waited{leaving, make(chan struct{}), &sync.Once{}}
	group.Go(func() { assert.ErrorIs(t, count.Run(waits, gathered, []string{"gone"}).Err(), context.Canceled) })
	queuetest.Receive(t, waits.begun, "the wait for the second trip")
	leave()
	close(goOn)
	group.Wait()
	gathered.Drain()
	left, err := gathered.Exists(t.Context(), "gone").Result()
	require.NoError(t, err)
	assert.Zero(t, left)
}

// waited is a context that tells when somebody begins to wait for its end.
type waited struct {
	context.Context
	begun chan struct{}
	once  *sync.Once
}

func (w waited) Done() <-chan struct{} {
	w.once.Do(func() { close(w.begun) })
	return w.Context.Done()
}

// Acknowledgements go together. What takes tasks goes by itself, one after the other as it has to be; it is told by its keys, and
// this fails when asynq changes them.
func TestTakingATaskWaitsForNobody(t *testing.T) {
	t.Parallel()
	gathered, seen := newGathered(t, 2*time.Millisecond)
	enqueuer := queue.NewEnqueuer(gathered)
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
	server := asynq.NewServerFromRedisClient(gathered, asynq.Config{
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

	info, err := asynq.NewInspectorFromRedisClient(gathered).GetQueueInfo(webhook.QueueDeliveries)
	require.NoError(t, err)
	assert.Zero(t, info.Size, "all are acknowledged")
	seen.mutex.Lock()
	defer seen.mutex.Unlock()
	assert.GreaterOrEqual(t, takes(seen.alone), tasks)
	assert.NotEmpty(t, seen.together)
	for _, cmds := range seen.together {
		assert.Zero(t, takes(cmds))
	}
}
