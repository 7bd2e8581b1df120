// Package stack starts a whole Redrive for tests and benchmarks, and ends it with them.
//
//	s := stack.Processes(t, stack.Options{})
//	s.URL()                                          // the API
//	s.NewKey(t, "another", stack.ReadWrite)             // a raw API key
//
// [Stack] is the interface of a running Redrive. [Processes] starts both services, built from source, as processes over a private
// PostgreSQL and Redis, as in production. [Embedded] starts local mode: one process with SQLite and an in-process Redis. Abilities that
// only some stacks have (show the queue, stop Redis, kill a service) are interfaces of their own:
//
//	if queue, ok := s.(stack.Inspectable); ok { … }
//
// Package testservers provides the servers. Processes end with the test that started them and, on Linux, with the test's process. A
// package that uses this one runs its tests through [Suite].
package stack
