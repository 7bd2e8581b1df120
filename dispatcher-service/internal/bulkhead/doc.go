// Package bulkhead keeps one customer's endpoint from delaying another's. A worker that has loaded a delivery asks to Acquire; it
// is let in, or told until when to put the delivery off. That costs no retry, no attempt and no write to the database.
//
//	Acquire ── a slot is free ───────────────────────────▶ attempt ──▶ Complete: the slot goes to whoever waits
//	   ├─ none, but the endpoint is quick ─ up to 50 ms ─▶ attempt
//	   └─ none, its circuit is open, or its rate is used up
//	          └─▶ held: snoozed, and remembered in the endpoint's line
//	                ├─ a slot becomes free ─ kept for it, and its task is woken ─▶ Acquire
//	                └─ the snooze ends ─────────────────────────────────────────▶ Acquire
//
// # Slots
//
// An endpoint has at most PerEndpoint attempts in flight, and never more than half as many as there are workers to spare; one
// worker in eight is not to spare, but for endpoints that have answered within the last 10 s. So endpoints that want more than
// there is share what there is, and something is always left: of 200 workers, one that hangs can take 50, ten that begin to hang
// at once take 146 between them, and however many more no more than 175. One that is unwell (its last answer was bad, or a quarter
// of the last ones, or one is overdue by 2 s) gets a quarter of what such endpoints have left of half the workers: one of those
// has 20, ten have 73, and all together never more than 100.
//
// A slot that becomes free is handed over, not raffled: it is kept for the oldest delivery in the line while its task is woken,
// for two seconds at most. Nothing else of that endpoint is woken for it, and no newcomer may take it. Any replica can be given the
// task that one has woken. One that is given what another has woken lets it have a slot that it keeps itself, and the other looks
// every 100 ms what has become of the task, to wake it once more or to give up the slot.
//
// What arrives at an endpoint that answers quickly waits where it is rather than being put off, if that is a matter of
// milliseconds: the machine itself is then what is slow, and putting off costs it as much as delivering does. Such a delivery
// may pass those in the line, every other time.
//
// # Circuits
//
//	          5 timeouts in a row, half of the last ones,
//	          or 20 times no service in a row over 10 s
//	┌────────┐ ───────────────────────────────────────▶ ┌──────┐ 5 s, 10 s, … 60 s ┌───────────┐
//	│ closed │                                          │ open │ ────────────────▶ │ half open │
//	└────────┘                                          └──────┘ ◀──────────────── └───────────┘
//	     ▲                                                          the probe failed     │ one attempt
//	     └───────────────────────────────────────────────────────────────────────────────┘ at a time
//	       the probe was answered: 2 attempts at once, and one more with each answer
//
// A circuit opens when an endpoint cannot be reached or does not answer in time. The statuses 429, 502, 503 and 504 and failed
// connections are no service: 20 of them in a row over at least 10 s open it. An attempt that ends without an answer after 80 %
// of the timeout or later is a timeout: it held a worker, so five in a row are enough. A timeout also counts in a row of no
// service. Every other status, such as 200, 404 or 500, is an answer and never opens a circuit; a slow one only reduces the
// endpoint's share. The retry schedule paces deliveries that are answered with a failure.
//
// Rows count in the order in which attempts were begun: the timeouts of a minority that come in long after everybody else has
// been answered open nothing. A row of no service also counts in the order in which attempts end, and its time runs from the
// end of its first attempt: an answer that arrives late, to an attempt that was begun earlier, starts it anew.
//
// Until a circuit that has closed again has been answered as often as its limit, two attempts in a row without an answer open
// it again.
//
// # Ends
//
// A delivery that is held costs no attempt, so an endpoint that is dead for good would hold its deliveries for good. Therefore an
// open circuit holds none for longer than Patience (10 minutes) past its due time. After that it is attempted as far as there is
// a slot for an unwell endpoint, and so comes to its last retry and its end.
//
// # What is forgotten
//
// All of this is in memory and none of it has to last: what is held sleeps in the queue, for at most LongestSnooze, and comes
// back by itself. The lines are bounded, what they have no room for is only snoozed, and endpoints that have been idle are
// forgotten. Each replica learns by itself which circuits are open; the rate of an endpoint is shared through Redis.
//
// sony/gobreaker was tried on for the circuit. Its open period does not grow, it counts in the order in which attempts end, and
// slots could not be handed over through it; what is left is smaller than the adapter would be.
package bulkhead
