package report

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
)

// entry is a line of the JSON. A missing value is null.
type entry struct {
	Name    string   `json:"name"`
	Unit    string   `json:"unit"`
	Value   float64  `json:"value"`
	Min     float64  `json:"min"`
	Max     float64  `json:"max"`
	RatioTo *string  `json:"ratioTo"`
	Ratio   *float64 `json:"ratio"`
	Note    string   `json:"note,omitempty"`
	Details []entry  `json:"details,omitempty"`
}

// JSON writes one line for each row. A row that was not measured is left out.
func JSON(w io.Writer, lines []Line) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(entries(lines)); err != nil {
		return fmt.Errorf("write the results: %w", err)
	}
	return nil
}

func entries(lines []Line) []entry {
	list := []entry{}
	for _, line := range lines {
		if line.Missing != "" {
			continue
		}
		e := entry{
			Name: line.Name, Unit: line.Unit, Value: rounded(line.Value), Min: rounded(line.Min), Max: rounded(line.Max), Note: line.Note,
			Details: entries(line.Details),
		}
		if len(line.Ratios) > 0 {
			ratio := rounded(line.Ratios[0].Value)
			e.RatioTo, e.Ratio = &line.Ratios[0].To, &ratio
		}
		list = append(list, e)
	}
	return list
}

// rounded rounds to three decimals, because further ones are noise.
func rounded(value float64) float64 { return math.Round(value*1000) / 1000 }
