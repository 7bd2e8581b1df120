package statistics_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"redrive/api-service/internal/statistics"
	"redrive/pkg/webhook"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// slow is a store whose counts take a while. A count shows how many there were.
type slow struct {
	takes  time.Duration
	counts map[string]int
	err    error
}

func (s *slow) ReadStatistics(context.Context, webhook.StatisticsQuery) ([]webhook.CountedAt, webhook.Counting, error) {
	since := webhook.Hour(0)
	return []webhook.CountedAt{{Hour: 3, Counts: webhook.Counts{Created: 7}}}, &since, s.err
}

func (s *slow) CountWaitingBy(_ context.Context, organizationID, endpointID string, limit int) (webhook.Waiting, error) {
	time.Sleep(s.takes)
	if s.counts == nil {
		s.counts = map[string]int{}
	}
	s.counts[organizationID+endpointID]++
	return webhook.Waiting{Pending: s.counts[organizationID+endpointID], Capped: limit == webhook.MaxCountedWaiting}, s.err
}

var hours = webhook.StatisticsQuery{OrganizationID: "org", Interval: webhook.IntervalHour, From: 2, To: 4}

func TestReadAddsSeriesAndWaiting(t *testing.T) {
	read, waiting, err := statistics.New(&slow{}).Read(t.Context(), hours, webhook.Now())
	require.NoError(t, err)
	assert.Equal(t, []int64{0, 7}, []int64{read.Series[0].Created, read.Series[1].Created})
	assert.Equal(t, webhook.Waiting{Pending: 1, Capped: true}, waiting)
}

func TestReadStoreFailsReturnsError(t *testing.T) {
	broken := errors.New("broken")
	_, _, err := statistics.New(&slow{err: broken}).Read(t.Context(), hours, webhook.Now())
	require.ErrorIs(t, err, broken)
}

// TestReadWaitingReused counts again after 20 times as long as it took, and after 10 s at the latest.
func TestReadWaitingReused(t *testing.T) {
	for takes, again := range map[time.Duration]time.Duration{10 * time.Millisecond: 200 * time.Millisecond, 2 * time.Second: 8 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			reader := statistics.New(&slow{takes: takes})
			pending := func() int {
				_, waiting, err := reader.Read(t.Context(), hours, webhook.Now())
				require.NoError(t, err)
				return waiting.Pending
			}
			assert.Equal(t, 1, pending())
			time.Sleep(again - time.Millisecond)
			assert.Equal(t, 1, pending(), "%v", takes)
			time.Sleep(time.Millisecond)
			assert.Equal(t, 2, pending(), "%v", takes)
		})
	}
}

func TestReadWaitingOfOthersApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &slow{takes: time.Second}
		reader := statistics.New(store)
		for i := range 3 {
			q := hours
			q.EndpointID = fmt.Sprint(i)
			_, waiting, err := reader.Read(t.Context(), q, webhook.Now())
			require.NoError(t, err)
			assert.Equal(t, 1, waiting.Pending)
		}
		assert.Len(t, store.counts, 3)
	})
}
