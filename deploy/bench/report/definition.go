package report

import "fmt"

// Definition says what a row is.
type Definition struct {
	// Name of the row, or of a detail of one.
	Name string
	// Unit of its values.
	Unit string
	// Chart is the title of the part of the plot that it is drawn in. Rows of one chart share a scale.
	Chart string
	// Baseline is a row that others are compared with.
	Baseline bool
	// Goals that the value must reach. Gated are those that it must reach on every machine.
	Goals []Goal
	Gated bool
	// Ratios to baselines. The first is the one in the JSON.
	Ratios []Ratio
	// Details are further figures of the same measurement.
	Details []Definition
}

// Ratio compares a row with a baseline, round by round.
type Ratio struct {
	// To is the name of the baseline's samples: those of a row, or of a detail as row/detail.
	To string
	// Label is what people are told the baseline is. Defaults to To.
	Label string
	// Goals that the ratio must reach.
	Goals []Goal
}

func (r Ratio) label() string {
	if r.Label != "" {
		return r.Label
	}
	return r.To
}

// Goal is a bound. A row can have several.
type Goal struct {
	limit float64
	floor bool
}

// AtLeast is the goal of what should be large.
func AtLeast(limit float64) Goal { return Goal{limit: limit, floor: true} }

// AtMost is the goal of what should be small.
func AtMost(limit float64) Goal { return Goal{limit: limit} }

// Met says whether a value reaches the goal. NaN never does.
func (g Goal) Met(value float64) bool {
	if g.floor {
		return value >= g.limit
	}
	return value <= g.limit
}

func (g Goal) String() string {
	if g.floor {
		return fmt.Sprintf("≥ %s", number(g.limit))
	}
	return fmt.Sprintf("≤ %s", number(g.limit))
}

// Detail is the name of the samples of a row's detail.
func Detail(row, detail string) string { return row + "/" + detail }
