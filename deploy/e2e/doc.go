// Package e2e holds the black-box tests of Redrive. They start a real one, use its HTTP API alone, and play the receivers of its
// webhooks. Answers are decoded into types of this package, and every request and answer is checked against the OpenAPI document that
// the running server serves.
//
// Each story is a test. It runs on each kind of stack as a subtest with the name of the kind:
//
//	go test -run 'TestRetrySendsTheSameRecord$' ./deploy/e2e
//	go test -run '/embedded$' ./deploy/e2e
//
//	client (client_test.go) ──► API ─ ─ ─ ► dispatcher ──► receiver (receiver_test.go)
//	   └── contract (contract_test.go)                         └── scripts, gates, signals
//
// Stories share the stacks of their kind (kinds_test.go). A story that needs something else from a stack starts its own. A story skips
// a stack that cannot do what it needs: show its queue, stop its Redis, or kill a service.
package e2e
