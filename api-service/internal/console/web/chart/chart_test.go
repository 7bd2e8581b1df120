package chart_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/api-service/internal/console/resource"
	"redrive/api-service/internal/console/web/chart"
	"redrive/pkg/queue"
)

var start = time.Date(2026, 11, 28, 10, 0, 0, 0, time.UTC)

func TestBarsAreProportional(t *testing.T) {
	c := chart.New([]resource.Counts{
		{Start: start, Succeeded: 60, Failed: 20},
		{Start: start.Add(time.Hour), Succeeded: 0, Failed: 40},
		{Start: start.Add(2 * time.Hour)},
	})
	require.Len(t, c.Bars, 3)
	assert.Equal(t, "90", c.Bars[0].GoodHeight, "the axis ends at 80, which is 120 units high")
	assert.Equal(t, "30", c.Bars[0].BadHeight)
	assert.Equal(t, "60", c.Bars[1].BadHeight)
	assert.Equal(t, "0", c.Bars[2].GoodHeight)
	assert.Equal(t, "60 deliveries succeeded and 60 failed in 3 intervals", c.Title)
	assert.Equal(t, []string{"80", "40"}, []string{c.Rows[0].Text, c.Rows[1].Text})
	assert.Equal(t, "10:00", c.Columns[0].Text)
	assert.Empty(t, chart.New(nil).Bars)
}

func TestMinutes(t *testing.T) {
	c := chart.OfMinutes([]queue.MinuteCount{{Start: start, Results: map[string]int64{"success": 3, "5xx": 1, "timeout": 1}}, {Start: start.Add(time.Minute)}})
	assert.EqualValues(t, 3, c.Bars[0].Succeeded)
	assert.EqualValues(t, 2, c.Bars[0].Failed)
	assert.EqualValues(t, 5, c.Bars[0].Attempts)
	assert.True(t, c.Bars[1].Partial)
}

func TestRate(t *testing.T) {
	for _, c := range []struct {
		succeeded, failed int64
		want              string
	}{{0, 0, ""}, {1, 0, "100 %"}, {0, 1, "0 %"}, {2, 1, "66.66 %"}, {1_000_000, 1, "99.99 %"}} {
		assert.Equal(t, c.want, chart.Rate(c.succeeded, c.failed))
	}
}
