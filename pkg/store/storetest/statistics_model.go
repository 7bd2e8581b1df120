package storetest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

// countModel counts as the contract says, with a list of what has happened.
type countModel struct{ happened []happening }

// happening is one event, creation, attempt or end.
type happening struct {
	endpointID, eventType string
	at                    time.Time
	counts                webhook.Counts
}

func (m *countModel) add(endpointID, eventType string, at time.Time, counts webhook.Counts) {
	m.happened = append(m.happened, happening{endpointID, eventType, at, counts})
}

// of returns what the statistics must be.
func (m *countModel) of(length time.Duration, endpointID, eventType string) map[time.Time]webhook.Counts {
	want := map[time.Time]webhook.Counts{}
	for _, h := range m.happened {
		if endpointID != "" && h.endpointID != endpointID || eventType != "" && h.eventType != eventType {
			continue
		}
		start := h.at.Truncate(length)
		counts := want[start]
		counts.Add(h.counts)
		want[start] = counts
	}
	return want
}

// equalStatistics compares the statistics of every endpoint and event type with the model.
func equalStatistics(t testing.TB, s *store.Store, m *countModel, endpoints, types []string) {
	t.Helper()
	for _, endpointID := range append(endpoints, "") {
		for _, eventType := range append(types, "") {
			require.Equal(t, m.of(time.Hour, endpointID, eventType), readStatistics(t, s, webhook.IntervalHour, endpointID, eventType), "%q %q by hour", endpointID, eventType)
			require.Equal(t, m.of(24*time.Hour, endpointID, eventType), readStatistics(t, s, webhook.IntervalDay, endpointID, eventType), "%q %q by day", endpointID, eventType)
		}
	}
}
