// Package bench measures Redrive beside what bounds it, in one run on one machine.
//
//	build ─▶ servers ─▶ families of rows, a round after the other ─▶ report
//
// Both services run as they are deployed: built from source, as processes of their own, with their default settings, over a
// private PostgreSQL that does sync its files and a private Redis. The load generator and the receiver are this process; the
// workers of the baselines are processes of their own too, so that a baseline has no shorter way to the receiver than we have.
//
// A family is what is measured together: a row and its baselines in turns, round by round, so that a machine that is slow for a
// while is slow for both. Rates are of closed loops (so many connections, each sends when its last request was answered).
// Latencies at a rate are of open loops: events are sent when they are due, however slow the last ones were, and waiting counts.
package bench
