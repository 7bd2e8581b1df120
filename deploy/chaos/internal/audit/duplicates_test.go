package audit_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"redrive/deploy/chaos/internal/audit"
	"redrive/pkg/webhook"
)

// orphaned is a delivery that was sent, and sent again, of which only the second is on record.
func orphaned() *tale {
	h := newTale()
	h.row("a", webhook.StatusSuccess)
	h.request("a", 0, 10, 200)
	h.record(h.request("a", 1, 30, 200), success, 0)
	return h
}

func TestOrphans(t *testing.T) {
	h := orphaned()
	result := h.breaks(t, "request without a record")
	assert.Equal(t, 1, result.Duplicates)
	assert.Zero(t, result.InFlight)

	h = orphaned()
	h.fault(audit.DispatcherKilled, 0, 10.05, 10.6)
	result = h.fine(t)
	assert.Equal(t, 1, result.Duplicates)
	assert.Equal(t, 1, result.Unrecorded)
	assert.Equal(t, 1, result.InFlight)
	assert.Equal(t, []time.Duration{19950 * time.Millisecond}, result.Remade)
}

func TestAKillExplainsOnlyWhatWasInFlight(t *testing.T) {
	for name, kill := range map[string]func(h *tale){
		"another's":     func(h *tale) { h.fault(audit.DispatcherKilled, 1, 10.05, 10.6) },
		"before":        func(h *tale) { h.fault(audit.DispatcherKilled, 0, 5, 5.5) },
		"long after":    func(h *tale) { h.fault(audit.DispatcherKilled, 0, 20, 20.5) },
		"of the API":    func(h *tale) { h.fault(audit.APIKilled, 0, 10.05, 10.6) },
		"Redis is none": func(h *tale) { h.fault(audit.RedisKilled, 0, 10.05, 12) },
	} {
		t.Run(name, func(t *testing.T) {
			h := orphaned()
			kill(h)
			h.breaks(t, "request without a record")
		})
	}
}

func TestADatabaseStopExplainsWhatWasSent(t *testing.T) {
	h := orphaned()
	h.fault(audit.PostgresStopped, 0, 10.05, 13)
	result := h.fine(t)
	assert.Equal(t, 1, result.InFlight)
	assert.Empty(t, result.Remade)

	h = orphaned() // kept for as long as the database was away, and then died with its dispatcher
	h.fault(audit.PostgresStopped, 0, 9.9, 16)
	h.fault(audit.DispatcherKilled, 0, 17, 17.5)
	assert.Len(t, h.fine(t).Remade, 1)

	h = orphaned()
	h.fault(audit.PostgresStopped, 0, 20, 23)
	h.breaks(t, "request without a record")
}

func TestACleanStopExplainsNothing(t *testing.T) {
	h := orphaned()
	h.fault(audit.DispatcherStopped, 0, 10.05, 10.6)
	assert.Equal(t, 1, h.breaks(t, "cut short by a clean stop").ByCleanStops)
}

// outrun is a delivery whose first run came too late.
func outrun() *tale {
	h := newTale()
	h.row("a", webhook.StatusSuccess)
	first := h.request("a", 0, 10, 500)
	h.record(h.request("a", 1, 11, 200), success, 0)
	h.record(first, superseded, 0).Duration = 4 * time.Second
	return h
}

func TestSuperseded(t *testing.T) {
	h := outrun()
	result := h.breaks(t, "run twice")
	assert.Equal(t, 1, result.Duplicates)
	assert.Equal(t, 1, result.Superseded)

	h = outrun()
	h.fault(audit.RedisFlushed, 0, 10.05, 10.06)
	result = h.fine(t)
	assert.Equal(t, 1, result.InFlight)

	h = outrun()
	h.fault(audit.DispatcherFrozen, 0, 10.05, 13)
	h.fine(t)

	h = outrun()
	h.fault(audit.DispatcherKilled, 0, 10.05, 13) // the dead supersede nobody
	h.breaks(t, "run twice")

	h = outrun()
	h.fault(audit.RedisFlushed, 0, 100, 100)
	h.breaks(t, "run twice")

	h = outrun()
	h.fault(audit.DispatcherStopped, 0, 10.05, 13)
	assert.Equal(t, 1, h.breaks(t, "run twice by a clean stop").ByCleanStops)
}

func TestRecoveries(t *testing.T) {
	h := newTale()
	for id, sent := range map[string]float64{"a": 24, "b": 27} {
		h.row(id, webhook.StatusSuccess)
		h.record(h.request(id, 0, sent, 200), success, 0)
	}
	h.row("c", webhook.StatusSuccess) // waited for its own time
	h.record(h.request("c", 0, 1, 500), failure, 30)
	h.record(h.request("c", 0, 30.5, 200), success, 0)
	h.row("d", webhook.StatusSuccess) // over by then
	h.record(h.request("d", 0, 2, 200), success, 0)
	h.row("e", webhook.StatusSuccess).Created = at(22) // came later
	h.record(h.request("e", 0, 22, 200), success, 0)
	h.row("f", webhook.StatusSuccess) // did not wait for it to be over
	h.record(h.request("f", 0, 18.5, 200), success, 0)
	h.row("g", webhook.StatusSuccess)
	h.record(h.request("g", 0, 19.5, 200), success, 0)
	h.row("h", webhook.StatusSuccess)
	h.record(h.request("h", 0, 19.9, 200), success, 0)
	h.fault(audit.RedisKilled, 0, 18, 20)
	h.Faults[0].Down = at(19.8)
	h.fault(audit.APIKilled, 0, 40, 41)

	recoveries := h.fine(t).Recoveries
	if assert.Len(t, recoveries, 1) {
		assert.Equal(t, 3, recoveries[0].Waiting)
		assert.Equal(t, 4*time.Second, recoveries[0].First)
		assert.Equal(t, 7*time.Second, recoveries[0].Last)
		assert.Equal(t, 1, recoveries[0].Meanwhile)
	}
}
