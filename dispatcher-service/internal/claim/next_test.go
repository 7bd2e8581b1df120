package claim

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/queue"
	"redrive/pkg/webhook"
)

// pendingTasks is a queue without lanes.
type pendingTasks struct {
	Lanes

	mutex   sync.Mutex
	pending int
	takes   []int // the number of tasks that each take asked for
	peers   queue.Peers
	broken  error
	added   int64
}

func (p *pendingTasks) Take(_ context.Context, _ string, n int, _ []queue.Candidate) (queue.Taking, error) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.takes = append(p.takes, n)
	taking := queue.Taking{Peers: p.peers, Added: p.added}
	for range min(n, p.pending) {
		p.pending--
		taking.Tasks = append(taking.Tasks, queue.Taken{DeliveryID: fmt.Sprint("dlv_", p.pending)})
	}
	return taking, p.broken
}

func (p *pendingTasks) HandBack(context.Context, string, []queue.Taken) error { return nil }

func (p *pendingTasks) Notifications(context.Context) (notified <-chan struct{}, stop func() error) {
	return nil, func() error { return nil }
}

func (p *pendingTasks) ReportLags(context.Context, map[string]time.Duration) error { return nil }

func newIdle(p *pendingTasks) *Claimer {
	return New(Options{Lanes: p, Queue: webhook.QueueDeliveries, Workers: 200, Room: anyRoom, Log: slog.New(slog.DiscardHandler)})
}

// dequeue calls next as two asynq servers do, for a while.
func dequeue(c *Claimer, during time.Duration) {
	end := time.Now().Add(during)
	var group sync.WaitGroup
	for range 2 {
		group.Go(func() {
			for time.Now().Before(end) {
				_, _, _ = c.next(context.Background())
				time.Sleep(time.Millisecond)
			}
		})
	}
	group.Wait()
}

func TestIdleDispatcherPollsTwicePerSecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &pendingTasks{peers: queue.NoPeers}
		dequeue(newIdle(p), 10*time.Second)
		assert.InDelta(t, 20, len(p.takes), 1)
	})
}

func TestIdleDispatcherWithPeersPollsOncePerSecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &pendingTasks{peers: queue.OtherPeers}
		dequeue(newIdle(p), 10*time.Second)
		assert.InDelta(t, 10, len(p.takes), 1)
	})
}

func TestSignalEndsWaitAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &pendingTasks{peers: queue.NoPeers}
		c := newIdle(p)
		began := time.Now()
		go func() {
			time.Sleep(100 * time.Millisecond)
			p.mutex.Lock()
			p.pending = 1
			p.mutex.Unlock()
			c.signal()
		}()
		_, found, err := c.next(t.Context())
		require.NoError(t, err)
		assert.True(t, found)
		assert.Equal(t, 100*time.Millisecond, time.Since(began))
	})
}

func TestFailedTakeIsRepeatedAtOnce(t *testing.T) {
	p := &pendingTasks{broken: errors.New("refused")}
	c := newIdle(p)
	_, _, err := c.next(t.Context())
	require.Error(t, err)
	p.broken, p.pending = nil, 1
	_, found, err := c.next(t.Context())
	require.NoError(t, err)
	assert.True(t, found)
}

// The number of deliveries that were ever added falls when Redis was emptied, and at no other time.
func TestEmptiedRedisIsReported(t *testing.T) {
	p := &pendingTasks{added: 7}
	c := newIdle(p)
	emptied := 0
	c.options.Emptied = func() { emptied++ }
	for _, step := range []struct {
		added  int64
		broken error
		want   int
	}{{7, nil, 0}, {8, nil, 0}, {0, errors.New("refused"), 0}, {8, nil, 0}, {1, nil, 1}, {1, nil, 1}, {2, nil, 1}} {
		p.added, p.broken = step.added, step.broken
		_, _ = c.look(t.Context(), 1)
		assert.Equal(t, step.want, emptied)
	}
}

// At the limit of the own work, one take serves several deliveries that ended.
func TestTakesOfBusyDispatcherAreLarge(t *testing.T) {
	p := &pendingTasks{pending: math.MaxInt}
	c := newIdle(p)
	var working []string
	fill := func() {
		for c.room() > 0 || len(c.ready) > 0 {
			taken, found, err := c.next(t.Context())
			require.NoError(t, err)
			require.True(t, found)
			working = append(working, taken.DeliveryID)
		}
	}
	fill()
	p.takes = nil
	for range 10 * takeAtLeast {
		c.Done(working[0])
		working = working[1:]
		fill()
	}
	assert.Len(t, p.takes, 10)
}

// A dispatcher all of whose workers but one wait for receivers takes one task.
func TestTakeOfLastFreeWorker(t *testing.T) {
	p := &pendingTasks{pending: 300}
	c := newIdle(p)
	for range 199 {
		taken, found, err := c.next(t.Context())
		require.NoError(t, err)
		require.True(t, found)
		c.Pause(taken.DeliveryID)
		if len(c.held) == 192 { // what the last take brought is used up
			break
		}
	}
	assert.Equal(t, 8, c.room())
}

func TestForwardIsSkippedUntilTaskIsDue(t *testing.T) {
	var l looks
	now := time.Unix(1000, 0)
	assert.True(t, l.forwards(now), "nothing is known yet")
	l.end(now, queue.Taking{Later: now.Add(3 * time.Second)}, true)
	assert.False(t, l.forwards(now.Add(2*time.Second)))
	assert.True(t, l.forwards(now.Add(3*time.Second)))
	l.changed()
	assert.True(t, l.forwards(now), "an acknowledgement may have scheduled a task")
}
