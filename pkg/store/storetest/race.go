//go:build race

package storetest

// walkShare is the part of the steps of random walks that is made. The race detector makes SQLite, which is written in Go, some 20 times
// slower.
const walkShare = 4
