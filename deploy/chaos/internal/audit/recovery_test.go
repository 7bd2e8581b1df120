package audit_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"redrive/deploy/chaos/internal/audit"
	"redrive/pkg/webhook"
)

// recovery returns the recovery after the only fault of a server.
func (h *tale) recovery(t *testing.T) audit.Recovery {
	t.Helper()
	recoveries := h.fine(t).Recoveries
	if !assert.Len(t, recoveries, 1) {
		t.FailNow()
	}
	return recoveries[0]
}

func TestRecoveries(t *testing.T) {
	h := newTale()
	for id, sent := range map[string]float64{"a": 24, "b": 27} {
		h.row(id, webhook.StatusSuccess)
		h.record(h.request(id, 0, sent, 200), success, 0)
	}
	h.row("c", webhook.StatusSuccess) // waited for its own due time
	h.record(h.request("c", 0, 1, 500), failure, 30)
	h.record(h.request("c", 0, 35, 200), success, 0)
	h.row("d", webhook.StatusSuccess) // ended by then
	h.record(h.request("d", 0, 2, 200), success, 0)
	h.row("e", webhook.StatusSuccess).Created = at(22) // accepted later
	h.record(h.request("e", 0, 22, 200), success, 0)
	h.row("f", webhook.StatusSuccess) // sent before the fault was over
	h.record(h.request("f", 0, 18.5, 200), success, 0)
	h.fault(audit.RedisKilled, 0, 18, 20)
	h.Faults[0].Down = at(19.8)
	h.fault(audit.APIKilled, 0, 40, 41)

	recovery := h.recovery(t)
	assert.Equal(t, 3, recovery.Waiting)
	assert.Equal(t, 7*time.Second, recovery.Last)
	assert.Equal(t, 3, recovery.Unheld)
	assert.Equal(t, 4*time.Second, recovery.First)
}

// After a queue was emptied, only deliveries that no dispatcher had show that it was rebuilt.
func TestRecoveryCountsUnheldDeliveries(t *testing.T) {
	for name, c := range map[string]struct {
		held func(h *tale)
		kind audit.Kind
	}{
		"taken and not sent yet": {func(h *tale) { h.record(h.request("a", 0, 20.3, 200), success, 0) }, audit.RedisFlushed},
		"in flight": {func(h *tale) {
			h.record(h.request("a", 0, 19.95, 500), failure, 20.1)
			h.record(h.request("a", 0, 20.2, 200), success, 0)
		}, audit.RedisFlushed},
		"enqueued after the flush": {func(h *tale) {
			h.Deliveries[0].Created = at(19.9)
			h.record(h.request("a", 0, 21.5, 200), success, 0)
		}, audit.RedisFlushed},
		"enqueued when Redis was back": {func(h *tale) {
			h.Deliveries[0].Created = at(21.9)
			h.record(h.request("a", 0, 22.4, 200), success, 0)
		}, audit.RedisKilled},
	} {
		t.Run(name, func(t *testing.T) {
			h := newTale()
			h.row("a", webhook.StatusSuccess)
			c.held(h)
			h.fault(c.kind, 0, 20, 20.1)
			if c.kind == audit.RedisKilled {
				h.Faults[0].Down, h.Faults[0].Over = at(22), at(22.2)
			}
			assert.Zero(t, h.recovery(t).Unheld)

			h.row("b", webhook.StatusSuccess) // was only in the queue
			h.record(h.request("b", 0, 33.2, 200), success, 0)
			recovery := h.recovery(t)
			assert.Equal(t, 1, recovery.Unheld)
			assert.Greater(t, recovery.First, 10*time.Second, "the other does not hide that it took long")
		})
	}
}

// A later fault excuses its own time, and no more.
func TestRecoveryIsInterrupted(t *testing.T) {
	h := newTale()
	h.row("a", webhook.StatusSuccess)
	h.record(h.request("a", 0, 34, 200), success, 0)
	h.fault(audit.RedisFlushed, 0, 20, 20)
	h.fault(audit.PostgresStopped, 0, 22, 25)
	h.fault(audit.DispatcherKilled, 1, 26, 27)
	h.fault(audit.RedisPartitioned, 0, 40, 45)
	assert.Equal(t, 11*time.Second, h.fine(t).Recoveries[0].First)
}

// Dispatchers that have detected the unavailable database send nothing.
func TestSentMeanwhile(t *testing.T) {
	h := newTale()
	for id, sent := range map[string]float64{"not known yet": 19, "known": 19.7, "up again": 20.1} {
		h.row(id, webhook.StatusSuccess)
		h.record(h.request(id, 0, sent, 200), success, 0)
	}
	h.fault(audit.PostgresStopped, 0, 18, 20.2)
	h.Faults[0].Down = at(20)
	assert.Equal(t, 1, h.recovery(t).Meanwhile)
}
