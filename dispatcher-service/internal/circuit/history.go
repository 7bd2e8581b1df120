package circuit

import "math/bits"

// history holds the outcomes of the last 64 attempts, in the order in which they started. The lowest bit of each mask is the attempt
// that started last.
type history struct {
	begun    uint64 // attempts so far
	known    uint64 // the attempt has ended
	slow     uint64 // it was answered late
	failed   uint64 // it was not served
	timedOut uint64 // it timed out, which is a failure too
}

// begin returns the number of a new attempt.
func (h *history) begin() uint64 {
	h.begun++
	h.known <<= 1
	h.slow <<= 1
	h.failed <<= 1
	h.timedOut <<= 1
	return h.begun
}

// end records the outcome of an attempt, unless 64 attempts have started since.
func (h *history) end(number uint64, o Outcome) {
	bit := uint64(1) << (h.begun - number) // 0 from 64 on
	h.known |= bit
	switch o {
	case Answered:
	case Slow:
		h.slow |= bit
	case TimedOut:
		h.timedOut |= bit
		h.failed |= bit
	case NoService:
		h.failed |= bit
	}
}

// clear removes all outcomes. Attempts in flight are recorded when they end.
func (h *history) clear() { h.known, h.slow, h.failed, h.timedOut = 0, 0, 0, 0 }

// bad returns the attempts that make the endpoint degraded.
func (h *history) bad() uint64 { return h.failed | h.slow }

// row returns how many of the latest ended attempts are in the mask without a gap.
func (h *history) row(mask uint64) (count int) {
	for known := h.known; known != 0; known &= known - 1 {
		if mask&known&-known == 0 {
			break
		}
		count++
	}
	return count
}

// count returns the number of attempts in the mask.
func count(mask uint64) int { return bits.OnesCount64(mask) }
