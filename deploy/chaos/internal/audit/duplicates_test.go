package audit_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"redrive/deploy/chaos/internal/audit"
	"redrive/pkg/webhook"
)

// orphaned is a delivery that was sent twice, and whose second attempt alone is recorded.
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

func TestDuplicatesKillExplainsInFlightOnly(t *testing.T) {
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

func TestDuplicatesDatabaseStopExplainsSends(t *testing.T) {
	h := orphaned()
	h.fault(audit.PostgresStopped, 0, 10.05, 13)
	result := h.fine(t)
	assert.Equal(t, 1, result.InFlight)
	assert.Empty(t, result.Remade)

	h = orphaned() // kept while the database was unavailable, and then lost with its dispatcher
	h.fault(audit.PostgresStopped, 0, 9.9, 16)
	h.fault(audit.DispatcherKilled, 0, 17, 17.5)
	assert.Len(t, h.fine(t).Remade, 1)

	h = orphaned()
	h.fault(audit.PostgresStopped, 0, 20, 23)
	h.breaks(t, "request without a record")
}

func TestDuplicatesCleanStopExplainsNone(t *testing.T) {
	h := orphaned()
	h.fault(audit.DispatcherStopped, 0, 10.05, 10.6)
	assert.Equal(t, 1, h.breaks(t, "cut short by a clean stop").ByCleanStops)
}

// busy is a tolerance.
const busy = 5

// On a busy machine, a request may be read long after its dispatcher was killed, and recorded long after its answer.
func TestBusyMachine(t *testing.T) {
	for name, tell := range map[string]func() *tale{
		"read late": func() *tale {
			h := orphaned()
			h.fault(audit.DispatcherKilled, 0, 5, 5.5)
			return h
		},
		"recorded late": func() *tale {
			h := orphaned()
			h.fault(audit.DispatcherKilled, 0, 20, 20.5)
			return h
		},
		"acknowledged late": func() *tale {
			h := outrun()
			h.fault(audit.RedisFlushed, 0, 18, 18)
			return h
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := tell()
			assert.NotEmpty(t, h.check().Findings)
			h.Tolerance = busy
			h.fine(t)
		})
	}
	t.Run("the death of the process that sent it comes first", func(t *testing.T) {
		h := orphaned()
		h.fault(audit.DispatcherStopped, 0, 5, 5.5)
		h.fault(audit.DispatcherKilled, 0, 10.05, 10.6)
		h.Tolerance = busy
		h.fine(t)
	})
	t.Run("overwritten all the same", func(t *testing.T) {
		h := delivered("a")
		h.record(h.request("a", 1, 2.9, 200), success, 0)
		h.Tolerance = busy
		h.breaks(t, "overwritten")
	})
}

// outrun is a delivery whose first outcome came too late.
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
	h.fault(audit.RedisSwitchedOver, 0, 5, 10.05) // the attempt was begun during the switchover
	result = h.fine(t)
	assert.Equal(t, 1, result.InFlight)

	h = outrun()
	h.fault(audit.RedisPartitioned, 0, 5, 10.05)
	h.breaks(t, "run twice")

	h = outrun()
	h.fault(audit.DispatcherKilled, 0, 10.05, 13) // a killed dispatcher supersedes nothing
	h.breaks(t, "run twice")

	for name, fault := range map[string]func(h *tale){
		"another's freeze": func(h *tale) { h.fault(audit.DispatcherFrozen, 2, 10.05, 13) },
		"before":           func(h *tale) { h.fault(audit.RedisFlushed, 0, 7, 7) },
		"after":            func(h *tale) { h.fault(audit.RedisFlushed, 0, 16, 16) },
		"of the API":       func(h *tale) { h.fault(audit.APIKilled, 0, 10.05, 10.6) },
		"Postgres is none": func(h *tale) { h.fault(audit.PostgresStopped, 0, 10.05, 12) }, // a dispatcher that waits for it keeps the task
	} {
		t.Run(name, func(t *testing.T) {
			h := outrun()
			fault(h)
			h.breaks(t, "run twice")
		})
	}

	h = outrun()
	h.fault(audit.DispatcherStopped, 0, 10.05, 13)
	assert.Equal(t, 1, h.breaks(t, "run twice by a clean stop").ByCleanStops)
}

// A task that a dispatcher has taken and not sent is open too.
func TestTakenAndNotSentYet(t *testing.T) {
	h := newTale()
	h.row("a", webhook.StatusSuccess)
	h.record(h.request("a", 1, 14, 200), success, 0)
	h.record(h.request("a", 0, 14.05, 200), superseded, 0) // loaded before it was suspended
	h.fault(audit.DispatcherFrozen, 0, 10, 13)
	h.fine(t)

	h.Faults[0].Kind = audit.RedisFlushed
	h.breaks(t, "run twice")
	h.fault(audit.PostgresPartitioned, 0, 9, 13.5) // both were delayed by that
	h.fine(t)
}

// Each open attempt explains one send only.
func TestDuplicatesOpenAttemptExplainsOneSend(t *testing.T) {
	h := outrun()
	h.fault(audit.RedisFlushed, 0, 10.05, 10.05)
	h.fine(t)
	h.record(h.request("a", 1, 13, 200), superseded, 0)
	assert.Equal(t, 2, h.fine(t).Superseded, "two were open: the second was taken before the flush, for all that is known")
	h.record(h.request("a", 2, 13.1, 200), superseded, 0)
	assert.Equal(t, 3, h.breaks(t, "run twice").Superseded)

	h = outrun() // and none of another delivery
	h.row("b", webhook.StatusSuccess)
	h.record(h.request("b", 1, 40, 200), success, 0)
	h.record(h.request("b", 0, 40, 200), superseded, 0)
	h.fault(audit.RedisFlushed, 0, 10.05, 10.05)
	h.breaks(t, "run twice")
}
