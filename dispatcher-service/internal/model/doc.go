// Package model tests the dispatcher against a model of what a delivery may do. Random sequences of steps accept, load, send and answer
// deliveries, kill processes between any two steps, empty the queue, retry and replay, and disable endpoints. The tests run the real store,
// use case and reconciler, on both databases. The package has no code outside its tests.
package model
