// Package model holds the dispatcher against a small model of what a delivery is allowed to do: events are accepted, loaded, sent,
// answered and answered late, processes die between any two steps, the queue is emptied, people retry and replay, endpoints are
// switched off and on, in any order. It is tests alone; they run the real store, use case and reconciler, on both databases.
package model
