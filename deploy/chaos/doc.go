// Package chaos checks that Redrive loses nothing. It runs the two services as they are deployed, under load, and injects faults into
// everything that they depend on. It then compares the accepted events, the records and the receiver's requests.
//
//	 publishers ──▶ api-service ─────▶ proxy ──▶ PostgreSQL         SIGKILL and SIGTERM of either service,
//	                    │                ▲                          SIGSTOP and SIGCONT of a dispatcher,
//	                    ├──▶ proxy ──▶ Redis                        Redis killed and restarted empty, FLUSHALL,
//	                    │      ▲         │                          PostgreSQL stopped at once,
//	                    │      │         │                          a partition of either
//	receiver ◀── dispatcher-services ────┘
//	    │
//	    └──▶ requests ────┐
//	         the rows ────┼──▶ audit ──▶ a table, and a line for programs
//	         the faults ──┘
//
// The receiver answers by a hash of the delivery's ID, so the audit can derive how each delivery must end. A seed determines the faults, their
// order and their pauses. When all deliveries have ended, or after a limit, everything is stopped with SIGTERM and the audit begins.
//
// A run with a Control has dispatchers without one safeguard, and must fail. This tests the harness itself.
//
// CheckAlerts evaluates the alerts of deploy/grafana over the same services during their faults.
package chaos
