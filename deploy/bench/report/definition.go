package report

import "fmt"

// Definition describes a row.
type Definition struct {
	// Name of the row, or of a detail of one.
	Name string
	// Unit of its values.
	Unit string
	// Chart is the title of the chart in which the row is drawn. Rows of one chart share a scale.
	Chart string
	// Baseline marks a row that other rows are compared with.
	Baseline bool
	// Goals are those that the value must reach on the reference machine. Gated goals hold on every machine.
	Goals []Goal
	Gated bool
	// Ratios are comparisons with baselines. The first one is in the JSON.
	Ratios []Ratio
	// Details are further figures of the same measurement.
	Details []Definition
}

// Ratio compares a row with a baseline, round by round.
type Ratio struct {
	// To is the name of the baseline's samples: those of a row, or of a detail as row/detail.
	To string
	// Label names the baseline in the table. Defaults to To.
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

// AtLeast is a lower bound.
func AtLeast(limit float64) Goal { return Goal{limit: limit, floor: true} }

// AtMost is an upper bound.
func AtMost(limit float64) Goal { return Goal{limit: limit} }

// Met reports whether a value reaches the goal. NaN never does.
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

// Detail returns the name of the samples of a row's detail.
func Detail(row, detail string) string { return row + "/" + detail }
