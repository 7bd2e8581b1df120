// Package process builds Redrive's programs from source and runs them as processes of their own, for tests and harnesses that
// start, stop, kill and freeze services:
//
//	New ─▶ Start ─▶ Stop                      SIGTERM, and all in good order
//	         │  ▲    Kill                      SIGKILL
//	         │  └──  …and again, on the same addresses
//	         └─ Freeze ─▶ Thaw                 SIGSTOP, SIGCONT
//
// It reads the services' logs: that is how it knows that one has started and where it listens, and it notices what must never
// be in a log, such as a signing secret or a data race.
package process
