// Package process builds Redrive's programs from source and runs them as processes of their own, for tests and harnesses that
// start, stop, kill and freeze services:
//
//	New ─▶ Start ─▶ Stop                      SIGTERM
//	         │  ▲    Kill                      SIGKILL
//	         │  └──  starts again on the same addresses
//	         └─ Freeze ─▶ Thaw                 SIGSTOP, SIGCONT
//
// It reads the services' logs to find their start, their addresses, and texts that must never be in a log, such as a signing secret or a
// data race.
package process
