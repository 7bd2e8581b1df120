//go:build !race

package storetest

// walkShare is the part of the steps of random walks that is made: all of them.
const walkShare = 1
