package report

import "slices"

// Samples collects measured values: for each name one value per round. The zero value is empty.
type Samples struct {
	values  map[string][]float64
	missing map[string]string
	notes   map[string]string
}

// Add adds the value of a round.
func (s *Samples) Add(name string, value float64) {
	if s.values == nil {
		s.values = map[string][]float64{}
	}
	s.values[name] = append(s.values[name], value)
}

// Miss records why a row has no values.
func (s *Samples) Miss(row, reason string) {
	if s.missing == nil {
		s.missing = map[string]string{}
	}
	s.missing[row] = reason
}

// Note adds a text to the name's line, such as the case to which the value belongs. The text of the last round counts.
func (s *Samples) Note(name, text string) {
	if s.notes == nil {
		s.notes = map[string]string{}
	}
	s.notes[name] = text
}

// Of returns the values of a name, in the order of the rounds.
func (s *Samples) Of(name string) []float64 { return slices.Clone(s.values[name]) }

// ratios divides round by round. A machine that is slow for a minute disturbs this less than a division of medians, because both values of
// a round were measured within it.
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
