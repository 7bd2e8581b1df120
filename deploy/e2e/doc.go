// Package e2e holds the black-box tests of Redrive: they start a real one, speak HTTP to it, play the receiver of its webhooks,
// and know nothing of what is inside. Answers are decoded into types of this package's own, and every request and answer is
// held against the OpenAPI document that the running server gives out.
//
// The tests are stories, told by [tell] for each way of running Redrive:
//
//	client (client_test.go) ──► API ─ ─ ─ ► dispatcher ──► receiver (receiver_test.go)
//	   └── contract (contract_test.go)                         └── scripts, gates, signals
//
// What a stack cannot do (show its queue, lose its Redis, have a service killed), its stories are left out for.
package e2e
