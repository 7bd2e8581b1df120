// Package figures writes the figures of the benchmark into a page, as a table between two markers.
package figures

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// The lines before and after the table.
const (
	Begin = "<!-- performance:begin -->"
	End   = "<!-- performance:end -->"
)

// row is a line of the benchmark's JSON.
type row struct {
	Name    string   `json:"name"`
	Unit    string   `json:"unit"`
	Value   float64  `json:"value"`
	Min     float64  `json:"min"`
	Max     float64  `json:"max"`
	RatioTo *string  `json:"ratioTo"`
	Ratio   *float64 `json:"ratio"`
	Note    string   `json:"note"`
	Details []row    `json:"details"`
}

// Table makes a Markdown table of the benchmark's JSON.
func Table(results []byte) (string, error) {
	var rows []row
	if err := json.Unmarshal(results, &rows); err != nil {
		return "", fmt.Errorf("read the benchmark's results: %w", err)
	}
	if len(rows) == 0 {
		return "", errors.New("the benchmark's results are empty")
	}
	var table strings.Builder
	table.WriteString("| row | median | least to most | unit | ratio |\n| --- | ---: | ---: | --- | --- |\n")
	for _, r := range rows {
		write(&table, "`"+r.Name+"`", r)
		for _, detail := range r.Details {
			write(&table, "&nbsp;&nbsp;"+detail.Name, detail)
		}
	}
	return table.String(), nil
}

func write(table *strings.Builder, name string, r row) {
	spread, ratio := number(r.Min)+" to "+number(r.Max), ""
	if r.Min == r.Max {
		spread = ""
	}
	if r.Ratio != nil && r.RatioTo != nil {
		ratio = fmt.Sprintf("%s × %s", strconv.FormatFloat(*r.Ratio, 'f', 2, 64), *r.RatioTo)
	}
	if r.Note != "" {
		ratio = strings.TrimPrefix(ratio+"; "+r.Note, "; ")
	}
	_, _ = fmt.Fprintf(table, "| %s | %s | %s | %s | %s |\n", name, number(r.Value), spread, r.Unit, ratio) // a Builder returns no error
}

// number rounds to the significant digits.
func number(value float64) string {
	switch {
	case value >= 100:
		return strconv.FormatFloat(value, 'f', 0, 64)
	case value >= 10:
		return strconv.FormatFloat(value, 'f', 1, 64)
	default:
		return strconv.FormatFloat(value, 'f', 2, 64)
	}
}

// Into returns the page with the table between its markers. It replaces the former table.
func Into(page, table string) (string, error) { return between(page, Begin, End, table) }

// Fill returns the page with the table of the benchmark's JSON. If the page has markers for it, Fill also writes the table of Capacity, to
// which the further files belong.
func Fill(page string, results []byte, further ...[]byte) (string, error) {
	table, err := Table(results)
	if err != nil {
		return "", err
	}
	if page, err = Into(page, table); err != nil || !strings.Contains(page, BeginCapacity) {
		return page, err
	}
	if table, err = Capacity(append(further, results)...); err != nil {
		return "", err
	}
	return between(page, BeginCapacity, EndCapacity, table)
}

func between(page, begin, end, table string) (string, error) {
	before, rest, begins := strings.Cut(page, begin+"\n")
	_, after, ends := strings.Cut(rest, end)
	if !begins || !ends {
		return "", fmt.Errorf("the page needs the lines %s and %s", begin, end)
	}
	return before + begin + "\n" + table + end + after, nil
}
