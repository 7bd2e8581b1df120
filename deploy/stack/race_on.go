//go:build race

package stack

// raceDetector says whether to build the services with the race detector: they are if the test is.
const raceDetector = true
