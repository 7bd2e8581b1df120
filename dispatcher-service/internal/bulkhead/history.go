package bulkhead

import "math/bits"

// history is what became of the last 64 attempts, in the order in which they were begun. A timeout is known 15 s after all that
// was begun with it has been answered: in the order of their ends, the timeouts of a few would look like an endpoint that hangs.
//
// In each mask the lowest bit is the attempt that was begun last.
type history struct {
	begun uint64
	known uint64 // it has ended
	slow  uint64 // and was slow
	down  uint64 // and was no service, or hung
	hung  uint64 // and hung
}

// begin returns the number of a new attempt.
func (h *history) begin() uint64 {
	h.begun++
	h.known <<= 1
	h.slow <<= 1
	h.down <<= 1
	h.hung <<= 1
	return h.begun
}

// end notes what became of an attempt, unless that was too long ago.
func (h *history) end(number uint64, o outcome) {
	bit := uint64(1) << (h.begun - number) // 0 from 64 on
	h.known |= bit
	switch o {
	case answered:
	case slow:
		h.slow |= bit
	case hung:
		h.hung |= bit
		h.down |= bit
	case noService:
		h.down |= bit
	}
}

// clear forgets what is known: attempts in flight are noted as they end.
func (h *history) clear() { h.known, h.slow, h.down, h.hung = 0, 0, 0, 0 }

// bad is the attempts that reduce the endpoint's share of the workers.
func (h *history) bad() uint64 { return h.down | h.slow }

// row is how many of the latest attempts that have ended are in the mask, without a gap.
func (h *history) row(mask uint64) (count int) {
	for known := h.known; known != 0; known &= known - 1 {
		if mask&known&-known == 0 {
			break
		}
		count++
	}
	return count
}

// count is how many attempts are in the mask.
func count(mask uint64) int { return bits.OnesCount64(mask) }
