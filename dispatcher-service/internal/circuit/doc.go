// Package circuit decides from the outcomes of an endpoint's attempts whether more attempts may be made. It is pure: callers
// pass the time, a random number and the outcomes, and serialize the calls.
//
//	          5 timeouts in a row, half of the latest attempts,
//	          or 20 times no service in a row over 10 s
//	┌────────┐ ───────────────────────────────────────▶ ┌──────┐ 5 s, 10 s, … 60 s ┌───────────┐
//	│ closed │                                          │ open │ ────────────────▶ │ half open │
//	└────────┘                                          └──────┘ ◀──────────────── └───────────┘
//	     ▲                                                        the probe failed       │ one probe
//	     └───────────────────────────────────────────────────────────────────────────────┘ at a time
//	       the probe was answered: 2 attempts at once, and one more with each answer
//
// A circuit opens when an endpoint cannot be reached or does not answer in time:
//
//   - The statuses 429, 502, 503 and 504 and failed connections are "no service". 20 of them in a row over at least 10 s open
//     the circuit.
//   - An attempt without an answer that lasts 80 % of the timeout or longer is a timeout. It occupied a worker, so 5 in a row are
//     enough. A timeout also counts as no service.
//   - Every other status, such as 200, 404 or 500, is an answer and never opens a circuit. A slow answer only makes the endpoint
//     degraded. The retry schedule paces deliveries that are answered with a failure.
//
// Rows are counted in the order in which attempts started. Timeouts arrive late: in the order of their ends, the timeouts of a
// few attempts would look like an endpoint that hangs. A row of no service is also counted in the order in which attempts ended,
// and its duration starts at the end of its first attempt. A late answer to an early attempt therefore resets it.
//
// After a circuit has closed again it is ramping: until as many answers have arrived as the endpoint has slots, two attempts in a
// row without an answer open it again.
//
// sony/gobreaker was tried instead. Its open period does not grow, and it counts in the order in which attempts end.
package circuit
