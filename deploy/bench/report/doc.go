// Package report turns the samples of a benchmark into a table, JSON and a plot. It measures nothing.
//
//	Definition ──┐
//	             ├─▶ Line ─▶ Table, JSON, SVG
//	Samples ─────┘
//
// A [Definition] says what a row is and what it must reach, [Samples] holds one value for each round, and a [Line] is what came
// of the two: the median, its spread, its ratio to a baseline of the same rounds, and whether that is enough.
package report
