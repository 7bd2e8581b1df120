// Package explain says why a delivery is in the state that it is in, and what happens next.
//
//	database ─ delivery, endpoint, attempts ─┐
//	Redis ──── task, lane, queue ────────────┼─▶ Facts ─▶ Decide ─▶ Explanation
//	Redis ──── summaries of dispatchers ─────┘
//
// Decide is pure. It goes through the codes in the order of Codes and keeps each that applies, with a message. The first one is the code
// of the explanation. If no process has reported a fact, the only code that may follow from it is unknown.
//
// Explainer reads the facts. It changes nothing. A Redis that hangs or is unavailable delays it by a bounded time.
package explain
