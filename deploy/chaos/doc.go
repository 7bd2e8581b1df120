// Package chaos proves that Redrive loses nothing: it runs the two services as they are deployed, under load, breaks everything
// that they stand on, and holds what was accepted, what is on record and what a receiver saw against each other.
//
//	 publishers ──▶ api-service ─────▶ proxy ──▶ PostgreSQL         SIGKILL and SIGTERM of either service,
//	                    │                ▲                          SIGSTOP and SIGCONT of a dispatcher,
//	                    ├──▶ proxy ──▶ Redis                        Redis killed and restarted empty, FLUSHALL,
//	                    │      ▲         │                          PostgreSQL stopped at once,
//	                    │      │         │                          a partition of either
//	receiver ◀── dispatcher-services ────┘
//	    │
//	    └──▶ what it saw ─┐
//	         the rows ────┼──▶ audit ──▶ a table, and a line for programs
//	         the faults ──┘
//
// The receiver decides by a hash of a delivery's ID, so that it is known of each how it has to end. The faults, their order and
// their pauses come from a seed. When all has ended, or patience has, everything is stopped in good order and the audit begins.
//
// A run with a Control runs dispatchers that lack one safeguard, and must fail: that is how the harness itself is tested.
//
// CheckAlerts has the alerts of deploy/grafana evaluated over the same services while their faults last.
package chaos
