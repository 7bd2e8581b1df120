package erasure_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"redrive/dispatcher-service/internal/erasure"
	"redrive/pkg/store"
	"redrive/pkg/testlog"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// batches is a store that returns prepared batches, each of which takes 10 ms.
type batches struct {
	mutex  sync.Mutex
	left   []store.Erased
	err    error
	limits []int
}

func (b *batches) fail(err error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.err = err
}

func (b *batches) calls() int {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return len(b.limits)
}

func (b *batches) EraseBatch(_ context.Context, _ time.Time, limit int) (store.Erased, error) {
	time.Sleep(10 * time.Millisecond)
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.limits = append(b.limits, limit)
	if b.err != nil || len(b.left) == 0 {
		return store.Erased{}, b.err
	}
	next := b.left[0]
	b.left = b.left[1:]
	return next, nil
}

func newEraser(s erasure.Store) (*erasure.Eraser, *testlog.Buffer, *prometheus.Registry) {
	log, registry := new(testlog.Buffer), prometheus.NewRegistry()
	return erasure.New(s, erasure.Options{Log: slog.New(slog.NewJSONHandler(log, nil))}, registry), log, registry
}

func TestRunErasesInBatchesWithPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &batches{left: []store.Erased{
			{OrganizationID: "org_a", Rows: 500}, {OrganizationID: "org_a", Rows: 7}, {OrganizationID: "org_a", Passed: true}, {OrganizationID: "org_b", Done: true},
		}}
		e, log, registry := newEraser(s)
		began := time.Now()
		require.NoError(t, e.Run(t.Context()))
		assert.Equal(t, 90*time.Millisecond, time.Since(began), "five calls and four pauses")
		assert.Equal(t, []int{500, 500, 500, 500, 500}, s.limits)
		count, err := testutil.GatherAndCount(registry, "redrive_erased_rows_total")
		require.NoError(t, err)
		assert.Equal(t, 1, count)
		assert.Contains(t, log.String(), `"action":"organization.erased","subject":"org_b"`)
	})
}

func TestStartContinuesAfterFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &batches{left: []store.Erased{{OrganizationID: "org_a", Done: true}}, err: errors.New("unavailable")}
		e, log, _ := newEraser(s)
		e.Start()
		time.Sleep(6 * time.Second)
		synctest.Wait()
		assert.Contains(t, log.String(), "erasure failed")
		s.fail(nil)
		time.Sleep(6 * time.Second)
		synctest.Wait()
		assert.Empty(t, s.left)
		require.NoError(t, e.Stop(t.Context()))
		require.NoError(t, e.Stop(t.Context()))
		calls := s.calls()
		time.Sleep(time.Hour)
		assert.Equal(t, calls, s.calls())
	})
}

func TestStopBeforeStart(t *testing.T) {
	e, _, _ := newEraser(&batches{})
	require.NoError(t, e.Stop(t.Context()))
}
