package waitlimit_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"redrive/api-service/internal/waitlimit"
	"redrive/pkg/webhook"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// store counts in the given time.
type store struct {
	took    time.Duration
	waiting int
	counted int
	err     error
}

func (s *store) CountWaitingOf(_ context.Context, _ string, limit int) (int, error) {
	time.Sleep(s.took)
	s.counted++
	return min(s.waiting, limit), s.err
}

func limited(limit int) webhook.Organization {
	o := webhook.DefaultOrganization("org_a")
	o.Limits.MaxWaitingDeliveries = limit
	return o
}

func TestCheckWithoutLimitCountsNothing(t *testing.T) {
	s := &store{waiting: 1_000_000}
	l := waitlimit.New(s)
	require.NoError(t, l.Check(t.Context(), webhook.DefaultOrganization("org_a")))
	l.Added("org_a", 10)
	assert.Zero(t, s.counted)
}

func TestCheckRefusesAtLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{took: time.Millisecond, waiting: 9}
		l := waitlimit.New(s)
		require.NoError(t, l.Check(t.Context(), limited(10)))
		l.Added("org_a", 1)
		require.NoError(t, l.Check(t.Context(), limited(10)), "the delivery has been sent meanwhile")
		assert.Equal(t, 2, s.counted)

		s.waiting = 10
		l.Added("org_a", 1)
		err := l.Check(t.Context(), limited(10))
		assert.Equal(t, webhook.CodeRateLimited, webhook.CodeOf(err))
		assert.ErrorContains(t, err, "backlog_limit")
		var refused *webhook.Error
		require.ErrorAs(t, err, &refused)
		assert.NotZero(t, refused.RetryAfter)
		require.NoError(t, l.Check(t.Context(), limited(11)), "the limit was raised")
		s.waiting = 0
		require.NoError(t, l.Check(t.Context(), limited(10)), "it was counted again")
	})
}

// Counting takes a twentieth of the time, and what another process has published is noticed a second later at most.
func TestCheckCountsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{took: 10 * time.Millisecond}
		l := waitlimit.New(s)
		for range 210 {
			require.NoError(t, l.Check(t.Context(), limited(10)))
			time.Sleep(time.Millisecond)
		}
		assert.LessOrEqual(t, s.counted, 2)
		s.took = time.Minute
		time.Sleep(time.Second)
		require.NoError(t, l.Check(t.Context(), limited(10)))
		s.waiting = 10
		time.Sleep(time.Second)
		require.Error(t, l.Check(t.Context(), limited(10)))
	})
}

func TestCheckConcurrentShareCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{took: 100 * time.Millisecond}
		l := waitlimit.New(s)
		var group sync.WaitGroup
		for range 50 {
			group.Go(func() { assert.NoError(t, l.Check(t.Context(), limited(10))) })
		}
		group.Wait()
		assert.Equal(t, 1, s.counted)
	})
}

// queue records what is enqueued.
type queue struct{ enqueued int }

func (q *queue) Enqueue(_ context.Context, deliveries ...webhook.Delivery) {
	q.enqueued += len(deliveries)
}

func TestCountedAddsDeliveriesOfEachOrganization(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{took: 10 * time.Millisecond}
		l, q := waitlimit.New(s), &queue{}
		counted := waitlimit.Counted{Queue: q, Limiter: l}
		require.NoError(t, l.Check(t.Context(), limited(3)))
		counted.Enqueue(t.Context(), webhook.Delivery{OrganizationID: "org_b"}, webhook.Delivery{OrganizationID: "org_a"}, webhook.Delivery{OrganizationID: "org_a"})
		assert.Equal(t, 3, q.enqueued)
		require.NoError(t, l.Check(t.Context(), limited(3)))
		assert.Equal(t, 1, s.counted)
		s.waiting = 3
		counted.Enqueue(t.Context(), webhook.Delivery{OrganizationID: "org_a"})
		require.Error(t, l.Check(t.Context(), limited(3)), "the limit is reached before the count expires")
		assert.Equal(t, 2, s.counted)
	})
}

func TestCheckDatabaseError(t *testing.T) {
	unavailable := errors.New("unavailable")
	l := waitlimit.New(&store{err: unavailable})
	require.ErrorIs(t, l.Check(t.Context(), limited(10)), unavailable)
}
