package admission

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// reports is what dispatchers report.
type reports struct {
	mutex sync.Mutex
	lags  map[string]time.Duration
	err   error
	reads int
}

func (r *reports) ReadLags(context.Context) (map[string]time.Duration, error) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.reads++
	return r.lags, r.err
}

func (r *reports) set(lags map[string]time.Duration, err error) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.lags, r.err = lags, err
}

// busy is a Gate in whose organizations "org_a" and "org_b" more than few requests are in progress, and which has read the reports.
func busy(t *testing.T, r *reports) *Gate {
	t.Helper()
	g := New(r)
	for range fewRequests + 1 {
		for _, organization := range []string{"org_a", "org_b"} {
			_, err := g.Admit(t.Context(), organization, 1)
			require.NoError(t, err)
		}
	}
	synctest.Wait()
	return g
}

// admit returns how long a publish waits in front of its commit.
func admit(t *testing.T, g *Gate, organization string, events int) time.Duration {
	t.Helper()
	began := time.Now()
	done, err := g.Admit(t.Context(), organization, events)
	require.NoError(t, err)
	waited := time.Since(began)
	done()
	return waited
}

func behind(lag time.Duration) *reports {
	return &reports{lags: map[string]time.Duration{"org_a": lag}}
}

func TestPublishBehindWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := busy(t, behind(targetLag+20*time.Millisecond))
		defer g.Close()
		waited := admit(t, g, "org_a", 1)
		assert.GreaterOrEqual(t, waited, 20*time.Millisecond)
		assert.Less(t, waited, 20*time.Millisecond+together)
	})
}

func TestAdmitWaitsAtMostTheLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := busy(t, behind(time.Hour))
		defer g.Close()
		for _, events := range []int{1, 2, 100} {
			assert.LessOrEqual(t, admit(t, g, "org_a", events), longestDelay)
			time.Sleep(readInterval / 3)
		}
	})
}

func TestOrganizationThatIsNotBehindDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := busy(t, behind(time.Hour))
		defer g.Close()
		assert.Zero(t, admit(t, g, "org_b", 1))
	})
}

func TestOrganizationWithFewRequestsDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := behind(time.Hour)
		r.lags["org_c"] = time.Hour
		g := busy(t, r)
		defer g.Close()
		for range fewRequests {
			began := time.Now()
			_, err := g.Admit(t.Context(), "org_c", 1)
			require.NoError(t, err)
			assert.Zero(t, time.Since(began))
		}
		assert.Positive(t, admit(t, g, "org_c", 1), "one more than few")
	})
}

// Dispatchers that are stopped, and those that are idle beside an endpoint that hangs, report nothing.
func TestAdmitWithoutReportsDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := behind(time.Hour)
		g := busy(t, r)
		defer g.Close()
		assert.Positive(t, admit(t, g, "org_a", 1))
		r.set(nil, nil)
		time.Sleep(readInterval)
		admit(t, g, "org_a", 1) // reads
		synctest.Wait()
		assert.Zero(t, admit(t, g, "org_a", 1))
	})
}

func TestRedisAwayNothingWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := behind(time.Hour)
		g := busy(t, r)
		defer g.Close()
		r.set(nil, errors.New("refused"))
		assert.Positive(t, admit(t, g, "org_a", 1), "what was read is still valid")
		time.Sleep(validFor)
		assert.Zero(t, admit(t, g, "org_a", 1))
	})
}

func TestReadsAreSharedAndStopWithPublishing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &reports{}
		g := busy(t, r)
		defer g.Close()
		before := r.reads
		for range 1000 { // in a second
			admit(t, g, "org_b", 1)
			time.Sleep(time.Millisecond)
		}
		synctest.Wait()
		assert.InDelta(t, 40, r.reads-before, 1)
		before = r.reads
		time.Sleep(time.Hour)
		assert.Equal(t, before, r.reads)
	})
}

func TestWaitEndsWithRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := busy(t, behind(time.Hour))
		defer g.Close()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
		defer cancel()
		_, err := g.Admit(ctx, "org_a", 1)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, fewRequests+1, g.organizations["org_a"].requests, "it is in progress no more")
	})
}

func TestBatchesOfOrganizationTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(&reports{})
		defer g.Close()
		var written []func()
		for range batchesOfOne {
			done, err := g.Admit(t.Context(), "org_a", 100)
			require.NoError(t, err)
			written = append(written, done)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := g.Admit(ctx, "org_a", 100)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Zero(t, admit(t, g, "org_a", 1), "a single event does not wait for batches")
		assert.Zero(t, admit(t, g, "org_b", 100), "nor does another organization")
		written[0]()
		assert.Zero(t, admit(t, g, "org_a", 100))
		for _, done := range written[1:] {
			done()
		}
		assert.Empty(t, g.organizations, "nothing is kept of an organization without requests")
	})
}

func TestBatchesOfAllOrganizationsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(&reports{})
		defer g.Close()
		var written []func()
		for i := range batchesAtOnce {
			done, err := g.Admit(t.Context(), fmt.Sprint("org_", i), 100)
			require.NoError(t, err)
			written = append(written, done)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := g.Admit(ctx, "org_a", 100)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Zero(t, admit(t, g, "org_b", 1), "a single event does not wait for batches")
		written[0]()
		assert.Zero(t, admit(t, g, "org_a", 100))
		for _, done := range written[1:] {
			done()
		}
		assert.Empty(t, g.organizations)
		assert.Empty(t, g.batches)
	})
}
