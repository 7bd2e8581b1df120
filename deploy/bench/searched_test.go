package bench

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/webhook"
)

// newSearched fills a database with as many rows as the small table has.
func newSearched(t *testing.T) *searched {
	t.Helper()
	d, id, endpoint := failedDelivery(t)
	endpoints := []string{endpoint}
	for range growthEndpoints - 1 {
		endpoints = append(endpoints, webhook.NewID(webhook.KindEndpoint, time.Now()))
	}
	one := &searched{
		grown: &grown{customer: &customer{organization: organization}, database: d, rows: smallRows, endpoints: endpoints},
		began: time.Now().Add(-searchedDays * 24 * time.Hour).Truncate(time.Second), step: time.Minute,
	}
	before := indexesOf(t, d)
	require.NoError(t, one.copyRows(t.Context(), id))
	assert.Equal(t, before, indexesOf(t, d), "what was dropped is built again")
	return one
}

func indexesOf(t *testing.T, d *database) (list []string) {
	t.Helper()
	rows, err := d.pool.Query(t.Context(), "SELECT indexdef FROM pg_indexes WHERE tablename IN ('events', 'deliveries', 'attempts') ORDER BY 1")
	require.NoError(t, err)
	defer rows.Close()
	for rows.Next() {
		var one string
		require.NoError(t, rows.Scan(&one))
		list = append(list, one)
	}
	require.NoError(t, rows.Err())
	return list
}

func TestSearchedRowsDiffer(t *testing.T) {
	one := newSearched(t)
	require.NoError(t, one.chooseValues(t.Context()))
	counts := map[string]int{}
	for _, search := range indexedSearches {
		counts[search] = one.count(t, search)
	}
	assert.Equal(t, rareRows, counts["/deliveries?status=failure"])
	assert.Equal(t, smallRows/10, counts["/deliveries?status=pending,retrying"])
	assert.Equal(t, rareRows, counts["/deliveries?workflowId="+rareFlow])
	assert.Equal(t, rareRows, counts["/deliveries?runId="+rareRun])
	assert.Equal(t, rareRows, counts["/deliveries?bulkJobId={job}"])
	assert.Equal(t, executionEvents, counts["/deliveries?executionId={execution}"])
	assert.Equal(t, 1, counts["/deliveries?eventId={event}"])
	for search, count := range counts {
		if search != "/deliveries?status=failure&workflowId="+rareFlow {
			assert.Positive(t, count, search)
		}
	}
	for _, search := range otherSearches {
		one.count(t, search)
	}
}

// count reads a search as the API does.
func (t *searched) count(test *testing.T, search string) int {
	test.Helper()
	list, query, _ := strings.Cut(t.values.Replace(search), "?")
	values, err := url.ParseQuery(query)
	require.NoError(test, err)
	parameters := webhook.Parameters{Values: map[string]string{}}
	known := map[string][]string{"/deliveries": webhook.DeliveryParameters, "/events": webhook.EventParameters}[list]
	for name := range values {
		require.Contains(test, known, name, search)
		parameters.Values[name] = values.Get(name)
	}
	page, count := webhook.Page{Limit: 1000, WithoutBodies: true}, 0
	for {
		var found webhook.List[webhook.Sized]
		if list == "/events" {
			filter, err := webhook.ParseEventFilter(organization, parameters)
			require.NoError(test, err)
			found, err = t.database.store.PageEvents(test.Context(), filter, page)
			require.NoError(test, err)
		} else {
			filter, err := webhook.ParseDeliveryFilter(organization, parameters)
			require.NoError(test, err)
			found, err = t.database.store.PageDeliveries(test.Context(), filter, page)
			require.NoError(test, err)
		}
		count += len(found.Items)
		if page.After = found.Next; !found.HasMore {
			return count
		}
	}
}

func TestSearchedRowsAreAsOldAsTheirIDs(t *testing.T) {
	one := newSearched(t)
	for _, table := range []string{"events", "deliveries"} {
		var first, last string
		var firstAt, lastAt time.Time
		query := "SELECT min(id), max(id), min(created_at), max(created_at) FROM " + table
		require.NoError(t, one.database.pool.QueryRow(t.Context(), query).Scan(&first, &last, &firstAt, &lastAt))
		for id, at := range map[string]time.Time{first: firstAt, last: lastAt} {
			kind, known := webhook.KindOf(id)
			require.True(t, known, id)
			assert.Contains(t, id, string(kind))
			of, ok := webhook.TimeOfID(id)
			require.True(t, ok)
			assert.True(t, at.Equal(of), "%s is of %s, not of %s", id, of, at)
		}
		assert.Equal(t, (smallRows-1)*one.step, lastAt.Sub(firstAt))
	}
}

func TestSearchedStatistics(t *testing.T) {
	d, _, endpoint := failedDelivery(t)
	one := &searched{grown: &grown{customer: &customer{organization: organization}, database: d, endpoints: []string{endpoint}}}
	require.NoError(t, one.fillStatistics(t.Context()))
	now := time.Now().UTC()
	for interval, days := range map[webhook.Interval]int{webhook.IntervalHour: 31, webhook.IntervalDay: 400} {
		query, err := webhook.StatisticsQuery{OrganizationID: organization, EndpointID: endpoint, Interval: interval}.Between(now.AddDate(0, 0, -days), now, now)
		require.NoError(t, err)
		counted, since, err := d.store.ReadStatistics(t.Context(), query)
		require.NoError(t, err)
		statistics := query.Statistics(counted, since, now)
		for _, one := range statistics.Series {
			assert.Positive(t, one.Attempts, one.Start)
			_, some := one.Durations.Quantile(0.95)
			assert.True(t, some, one.Start)
		}
	}
}
