package report

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// columns of the table. Figures are aligned to the right, texts to the left.
const (
	columnName = iota
	columnValue
	columnSpread
	columnUnit
	columnRatio
	columnGoal
	columnVerdict
	columnCount
)

var headings = [columnCount]string{"", "median", "min – max", "", "of its baseline", "must reach", ""}

// unavailable and noted begin a text that extends over the empty columns to its right.
const (
	unavailable = "not available: "
	noted       = "note: "
)

// Table prints the lines as a table.
func Table(w io.Writer, lines []Line) error {
	rows := [][columnCount]string{headings}
	for _, line := range lines {
		rows = append(rows, tableRows(line, "")...)
	}
	var widths [columnCount]int
	for _, row := range rows {
		for i, cell := range row {
			if !strings.HasPrefix(cell, unavailable) && !strings.HasPrefix(cell, noted) {
				widths[i] = max(widths[i], utf8.RuneCountInString(cell))
			}
		}
	}
	for _, row := range rows {
		var text strings.Builder
		for i, cell := range row {
			padding := strings.Repeat(" ", max(0, widths[i]-utf8.RuneCountInString(cell)))
			if i == columnValue || i == columnSpread {
				text.WriteString(padding + cell + "  ")
			} else {
				text.WriteString(cell + padding + "  ")
			}
		}
		if _, err := fmt.Fprintln(w, strings.TrimRight(text.String(), " ")); err != nil {
			return fmt.Errorf("print the table: %w", err)
		}
	}
	return nil
}

// tableRows returns the line, one more row for each further goal and ratio, and its details.
func tableRows(line Line, indent string) [][columnCount]string {
	first := [columnCount]string{columnName: indent + line.Name, columnUnit: line.Unit}
	if line.Missing != "" {
		first[columnUnit] = unavailable + line.Missing
		return [][columnCount]string{first}
	}
	first[columnValue] = number(line.Value)
	if line.Min != line.Max {
		first[columnSpread] = number(line.Min) + " – " + number(line.Max)
	}
	rows := judged([][columnCount]string{first}, line.Verdicts, "")
	for _, ratio := range line.Ratios {
		last := &rows[len(rows)-1]
		if last[columnRatio] != "" || last[columnGoal] != "" {
			rows = append(rows, [columnCount]string{})
			last = &rows[len(rows)-1]
		}
		last[columnRatio] = factor(ratio.Value) + " " + ratio.To
		rows = judged(rows, ratio.Verdicts, " ×")
	}
	if line.Note != "" {
		rows = append(rows, [columnCount]string{columnUnit: noted + line.Note})
	}
	for _, detail := range line.Details {
		rows = append(rows, tableRows(detail, indent+"  ")...)
	}
	return rows
}

func judged(rows [][columnCount]string, verdicts []Verdict, unit string) [][columnCount]string {
	for i, verdict := range verdicts {
		if i > 0 {
			rows = append(rows, [columnCount]string{})
		}
		last := &rows[len(rows)-1]
		last[columnGoal] = verdict.Goal.String() + unit
		last[columnVerdict] = map[bool]string{true: "met", false: "MISSED"}[verdict.Met]
	}
	return rows
}
