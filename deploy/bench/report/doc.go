// Package report turns the samples of a benchmark into a table, JSON and a plot. It measures nothing.
//
//	Definition ──┐
//	             ├─▶ Line ─▶ Table, JSON, SVG
//	Samples ─────┘
//
// A [Definition] describes a row and its goals. [Samples] holds one value for each round. A [Line] is the result of both: the median, its
// spread, its ratio to a baseline of the same rounds, and the verdict.
package report
