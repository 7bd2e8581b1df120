// Package bench measures Redrive and the systems that bound it, in one run on one machine.
//
//	build ─▶ servers ─▶ families of rows, one round after the other ─▶ report
//
// Both services run as they are deployed: built from source, as separate processes, with their default settings, over a private
// PostgreSQL that syncs its files and a private Redis. This process is the load generator and the receiver. The workers of the baselines
// are separate processes too, so that their way to the receiver is as long as ours.
//
// A family is a row with its baselines. They are measured in turn, round by round, so that a machine that is slow for a while slows all of
// them. Rates are measured with closed loops: each of several connections sends when its last request was answered. Latencies at a rate are
// measured with open loops: events are sent at their scheduled times, however slow the earlier ones were, and waiting counts.
package bench
