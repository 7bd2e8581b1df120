// Package claim decides which delivery a free worker gets next, so that no organization delays another.
//
// PostgreSQL holds the backlog. An organization has few tasks in asynq's pending list; the lanes of its further deliveries are in
// backlog (package queue, Lanes). A Reader reads deliveries ahead from those lanes. When asynq asks for a task, the Taker asks Redis for
// several at once: pending tasks and candidates that a Chooser has picked. One script claims a candidate, moves its lane's cursor
// and makes it an active asynq task, so that two dispatchers never claim the same delivery.
//
//	asynq server ──dequeue──▶ Taker ──take──▶ Redis: pending tasks, claimed candidates
//	                            │ choose
//	                            ▼
//	                         Chooser ◀──rows read ahead── Reader ──▶ PostgreSQL: lanes in backlog
//
// The Chooser gives the next place to the organization with the fewest deliveries in flight in this process, and within it to its
// lanes in turn, lower priorities first. A lane is passed over while its endpoint has as many deliveries in flight and claimed as it may
// have, or while its bulkhead holds it. A quick endpoint may have as many claimed as it has slots in addition to those in flight.
//
// The Load bounds the work of the dispatcher itself, loading and recording, so that a delivery does not share a processor with hundreds
// of others'.
package claim
