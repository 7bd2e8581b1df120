// Package stack starts a whole Redrive for tests and benchmarks, and ends it with them.
//
//	s := stack.Processes(t, stack.Options{})
//	s.URL()                                          // the API
//	s.NewKey(t, "another", stack.ReadWrite)             // a raw API key
//
// What a test asks of a running Redrive is the interface [Stack]. [Processes] is the one as it is deployed: both programs, built
// from source, as processes of their own, over a PostgreSQL and a Redis that nobody else uses. [Embedded] is the one of a laptop:
// one process, SQLite, and a queue inside. What only some stacks can do (to
// show their queue, to lose their Redis, to have a service killed) are interfaces of their own, which a test asks the stack for:
//
//	if queue, ok := s.(stack.Inspectable); ok { … }
//
// The servers come from testservers. Processes end with the test that started them and, on Linux, with the process that did.
// A package that uses this one ends its TestMain through [Suite].
package stack
