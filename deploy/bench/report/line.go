package report

import "slices"

// Line is one row of the results.
type Line struct {
	Name, Unit string
	Chart      string
	Baseline   bool
	Gated      bool
	// Missing is the reason why there is no value.
	Missing string
	// Note is a text about the value. It may be empty.
	Note string
	// Value is the median of the rounds, between Min and Max.
	Value, Min, Max float64
	Verdicts        []Verdict
	Ratios          []Compared
	Details         []Line
}

// Compared is the median of a line's ratios to a baseline.
type Compared struct {
	To       string
	Value    float64
	Verdicts []Verdict
}

// Verdict is the result of a comparison with a goal.
type Verdict struct {
	Goal Goal
	Met  bool
}

// Lines returns a line for each definition with samples, and a reason for each without.
func Lines(definitions []Definition, samples *Samples) []Line {
	var lines []Line
	for _, d := range definitions {
		if line, measured := newLine(d, d.Name, samples); measured {
			lines = append(lines, line)
		}
	}
	return lines
}

func newLine(d Definition, name string, samples *Samples) (line Line, measured bool) {
	line = Line{Name: d.Name, Unit: d.Unit, Chart: d.Chart, Baseline: d.Baseline, Gated: d.Gated, Missing: samples.missing[name]}
	values := samples.values[name]
	if len(values) == 0 {
		return line, line.Missing != ""
	}
	line.Missing, line.Note = "", samples.notes[name]
	line.Value, line.Min, line.Max = Median(values), slices.Min(values), slices.Max(values)
	line.Verdicts = judge(d.Goals, line.Value)
	for _, r := range d.Ratios {
		if ratios := samples.ratios(name, r.To); len(ratios) > 0 {
			value := Median(ratios)
			line.Ratios = append(line.Ratios, Compared{To: r.label(), Value: value, Verdicts: judge(r.Goals, value)})
		}
	}
	for _, detail := range d.Details {
		if l, measured := newLine(detail, Detail(name, detail.Name), samples); measured {
			line.Details = append(line.Details, l)
		}
	}
	return line, true
}

func judge(goals []Goal, value float64) []Verdict {
	verdicts := make([]Verdict, len(goals))
	for i, goal := range goals {
		verdicts[i] = Verdict{Goal: goal, Met: goal.Met(value)}
	}
	return verdicts
}

// Missed returns the names of lines that fail a gate: lines that miss a gated ratio or goal, and lines that could not be measured. Other
// absolute figures depend on the machine and are no gate. A ratio within one run does not depend on it.
func Missed(lines []Line) []string {
	var missed []string
	for _, line := range lines {
		if line.Missing != "" {
			missed = append(missed, line.Name+" was not measured")
		}
		if line.Gated && !met(line.Verdicts) {
			missed = append(missed, line.Name+" is "+number(line.Value)+" "+line.Unit)
		}
		for _, ratio := range line.Ratios {
			if !met(ratio.Verdicts) {
				missed = append(missed, line.Name+" is "+factor(ratio.Value)+" "+ratio.To)
			}
		}
		for _, detail := range Missed(line.Details) {
			missed = append(missed, line.Name+": "+detail)
		}
	}
	return missed
}

func met(verdicts []Verdict) bool {
	return !slices.ContainsFunc(verdicts, func(v Verdict) bool { return !v.Met })
}
