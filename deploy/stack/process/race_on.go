//go:build race

package process

// RaceDetector reports whether this program was built with the race detector.
const RaceDetector = true
