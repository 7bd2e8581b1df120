// Package bulkhead keeps one endpoint's deliveries from delaying another's. A worker that has loaded a delivery calls Acquire. It
// gets a permit for one attempt, or the time until which to snooze the task. A snooze costs no retry, no attempt and no write to
// the database.
//
//	Acquire ── a slot is free ─────────────────────────▶ permit ──▶ attempt ──▶ Complete: the slot is assigned again
//	   ├─ none, but the endpoint is fast ─ ≤ 50 ms ─────▶ permit
//	   └─ none, its circuit is open, or its rate is used up
//	          └─▶ held: the task is snoozed, and the delivery remembered
//	                ├─ a slot becomes free ─▶ reserved: its task is woken ─▶ Acquire
//	                └─ the snooze ends ─────────────────────────────────────▶ Acquire
//
// Three packages decide: slots how many attempts an endpoint may have in flight, circuit whether it may have any, and pacing when
// its rate limit allows the next one. This package holds the deliveries that are not let in.
//
// # Reservations
//
// A free slot is reserved for the oldest held delivery of the endpoint, and its task is woken. No newer delivery gets that slot,
// and no other held delivery is woken for it. A reservation expires after two seconds.
//
// Any replica can dequeue the woken task. A delivery that was woken by another replica takes over a reservation here. Meanwhile the
// other replica checks its reservation every 100 ms: it wakes the task again if it sleeps again, or frees the slot.
//
// A new delivery to a fast endpoint blocks its worker for up to 50 ms instead of being snoozed. A snooze costs about as much as a
// delivery, so snoozing would slow a busy process down further. Blocked workers and held deliveries get free slots in turn.
//
// # Limits of holding
//
// A held delivery uses no attempts, so an endpoint that is gone would hold its deliveries for ever. An open circuit therefore holds
// none for longer than MaxHold (10 minutes) past its due time. After that it is attempted within the share of a degraded endpoint,
// and comes to its last retry and its end.
//
// # State
//
// All state is in memory and may be lost: a held delivery's task sleeps in the queue for at most LongestSnooze and comes back by
// itself. The number of remembered deliveries is bounded, the others are only snoozed. Idle endpoints are evicted. Each replica has
// its own circuits and slots; the rate of an endpoint is shared through Redis.
package bulkhead
