package webhook_test

import (
	"strings"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/webhook"
)

func TestNewIDIsULIDWithTime(t *testing.T) {
	at := time.Date(2026, 3, 4, 5, 6, 7, 89_000_000, time.UTC)
	id := webhook.NewID(webhook.KindDelivery, at)

	parsed, err := ulid.ParseStrict(strings.TrimPrefix(id, "dlv_"))
	require.NoError(t, err)
	assert.Equal(t, at, ulid.Time(parsed.Time()).UTC())
	require.NoError(t, webhook.CheckID(webhook.KindDelivery, id))
}

func TestNewIDSameMillisecondAscends(t *testing.T) {
	at := time.Now()
	last := webhook.NewID(webhook.KindEvent, at)
	for range 10_000 {
		next := webhook.NewID(webhook.KindEvent, at)
		require.Less(t, last, next)
		last = next
	}
}

// Two callers with times in adjacent milliseconds alternate.
func TestNewIDMillisecondsInterleaveAscends(t *testing.T) {
	earlier := time.Now()
	later := earlier.Add(time.Millisecond)
	lastEarlier, lastLater := webhook.NewID(webhook.KindEvent, earlier), webhook.NewID(webhook.KindEvent, later)
	for range 100 {
		nextEarlier, nextLater := webhook.NewID(webhook.KindEvent, earlier), webhook.NewID(webhook.KindEvent, later)
		require.Less(t, lastEarlier, nextEarlier)
		require.Less(t, lastLater, nextLater)
		lastEarlier, lastLater = nextEarlier, nextLater
	}
}

func TestCheckIDMalformedRefused(t *testing.T) {
	valid := webhook.NewID(webhook.KindDelivery, time.Now())
	for _, id := range []string{
		"", "dlv_", "x", valid[4:], "evt" + valid[3:], valid + "0", valid[:len(valid)-1], strings.ToLower(valid),
		"dlv_8ZZZZZZZZZZZZZZZZZZZZZZZZZ", "dlv_" + strings.Repeat("I", 26), "dlv_" + strings.Repeat("0", 10_000),
		valid + "\x00", "dlv_" + strings.Repeat("\xff", 26), "dlv_../" + valid[7:], "dlv_' OR 1=1 --" + valid[15:],
	} {
		err := webhook.CheckID(webhook.KindDelivery, id)
		var refused *webhook.Error
		require.ErrorAs(t, err, &refused, "%.40q", id)
		assert.Equal(t, "invalid_id", refused.Details[0].Reason)
	}
}

func TestFirstID(t *testing.T) {
	at := time.Date(2026, 5, 6, 7, 8, 9, 123_000_000, time.UTC)
	first := webhook.FirstID(webhook.KindDelivery, at)
	require.NoError(t, webhook.CheckID(webhook.KindDelivery, first))
	assert.Less(t, webhook.NewID(webhook.KindDelivery, at.Add(-time.Millisecond)), first)
	assert.Less(t, first, webhook.NewID(webhook.KindDelivery, at))
}
