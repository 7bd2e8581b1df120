package report

import "slices"

// Samples collects what was measured: for each name one value a round. The zero value is empty.
type Samples struct {
	values  map[string][]float64
	missing map[string]string
	notes   map[string]string
}

// Add notes the value of a round.
func (s *Samples) Add(name string, value float64) {
	if s.values == nil {
		s.values = map[string][]float64{}
	}
	s.values[name] = append(s.values[name], value)
}

// Miss notes why a row has no values.
func (s *Samples) Miss(row, reason string) {
	if s.missing == nil {
		s.missing = map[string]string{}
	}
	s.missing[row] = reason
}

// Note adds a text to the name's line, such as which of several cases the value is of. The text of the last round counts.
func (s *Samples) Note(name, text string) {
	if s.notes == nil {
		s.notes = map[string]string{}
	}
	s.notes[name] = text
}

// Of returns the values of a name, in the order of the rounds.
func (s *Samples) Of(name string) []float64 { return slices.Clone(s.values[name]) }

// ratios divides round by round, which a machine that is slow for a minute disturbs less than a division of medians: both
// sides of one round were measured within it.
func (s *Samples) ratios(name, baseline string) []float64 {
	values, base := s.values[name], s.values[baseline]
	var ratios []float64
	for i := range min(len(values), len(base)) {
		if base[i] > 0 {
			ratios = append(ratios, values[i]/base[i])
		}
	}
	return ratios
}
