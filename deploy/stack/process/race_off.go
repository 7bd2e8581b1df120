//go:build !race

package process

// RaceDetector says whether this program was built with the race detector.
const RaceDetector = false
