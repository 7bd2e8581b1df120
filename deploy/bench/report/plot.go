package report

import (
	"encoding/xml"
	"fmt"
	"io"
)

// The geometry of the plot, in pixels at its natural size.
const (
	plotWidth    = 960
	barsLeft     = 190 // right edge of the names
	barsWidth    = 440
	textGap      = 8
	rowHeight    = 24
	barHeight    = 14
	chartGap     = 34
	baselineDrop = 11 // from the top of a row's bar to the baseline of its text
	footerHeight = 26
)

// style follows the reader's preference for a light or a dark page.
const style = `
text { font: 13px system-ui, sans-serif; fill: #24292f }
.title { font-weight: 600 }
.note { font-size: 11px; fill: #6e7781 }
.name { text-anchor: end }
.ours { fill: #2f6feb }
.baseline { fill: #afb8c1 }
.spread { stroke: #24292f; stroke-width: 1.5 }
.goal { stroke: #1a7f37; stroke-width: 2.5 }
.missed { stroke: #cf222e; stroke-width: 2.5 }
@media (prefers-color-scheme: dark) {
  text { fill: #d1d7e0 }
  .note { fill: #9198a1 }
  .baseline { fill: #59636e }
  .spread { stroke: #d1d7e0 }
  .goal { stroke: #3fb950 }
  .missed { stroke: #f85149 }
}
`

type svgElement struct {
	XMLName xml.Name `xml:"http://www.w3.org/2000/svg svg"`
	Width   int      `xml:"width,attr"`
	Height  int      `xml:"height,attr"`
	ViewBox string   `xml:"viewBox,attr"`
	Title   string   `xml:"title"`
	Style   styleElement
	Marks   []any
}

// styleElement is written unescaped.
type styleElement struct {
	XMLName xml.Name `xml:"style"`
	Text    string   `xml:",innerxml"`
}

type textElement struct {
	XMLName xml.Name `xml:"text"`
	Class   string   `xml:"class,attr,omitempty"`
	X       int      `xml:"x,attr"`
	Y       int      `xml:"y,attr"`
	Text    string   `xml:",chardata"`
}

type rectElement struct {
	XMLName xml.Name `xml:"rect"`
	Class   string   `xml:"class,attr"`
	X       int      `xml:"x,attr"`
	Y       int      `xml:"y,attr"`
	Width   int      `xml:"width,attr"`
	Height  int      `xml:"height,attr"`
}

type lineElement struct {
	XMLName xml.Name `xml:"line"`
	Class   string   `xml:"class,attr"`
	X1      int      `xml:"x1,attr"`
	Y1      int      `xml:"y1,attr"`
	X2      int      `xml:"x2,attr"`
	Y2      int      `xml:"y2,attr"`
}

// SVG draws the lines as bars: a chart for each title, the spread as a line over the bar's end, and goals as marks.
func SVG(w io.Writer, title, note string, lines []Line) error {
	d := &drawing{}
	d.text("title", 0, title)
	for _, chart := range charts(lines) {
		d.chart(chart)
	}
	d.y += footerHeight
	d.text("note", 0, note)
	picture := svgElement{
		Width: plotWidth, Height: d.y, ViewBox: fmt.Sprintf("0 0 %d %d", plotWidth, d.y),
		Title: title, Style: styleElement{Text: style}, Marks: d.marks,
	}
	encoder := xml.NewEncoder(w)
	encoder.Indent("", "  ")
	if err := encoder.Encode(picture); err != nil {
		return fmt.Errorf("draw the plot: %w", err)
	}
	return nil
}

// charts groups the lines that have a value by their chart's title, in order of first appearance. A detail that is in a chart follows its
// line.
func charts(lines []Line) [][]Line {
	places := map[string]int{}
	var list [][]Line
	var add func(Line)
	add = func(line Line) {
		if line.Missing == "" && line.Chart != "" {
			place, known := places[line.Chart]
			if !known {
				place = len(list)
				places[line.Chart] = place
				list = append(list, nil)
			}
			list[place] = append(list[place], line)
		}
		for _, detail := range line.Details {
			add(detail)
		}
	}
	for _, line := range lines {
		add(line)
	}
	return list
}

// drawing collects elements from top to bottom.
type drawing struct {
	marks []any
	y     int
}

func (d *drawing) text(class string, x int, text string) {
	if d.y == 0 {
		d.y = rowHeight
	}
	d.marks = append(d.marks, textElement{Class: class, X: x + textGap, Y: d.y, Text: text})
}

func (d *drawing) chart(lines []Line) {
	d.y += chartGap
	d.text("title", barsLeft, lines[0].Chart)
	d.y += textGap
	top := 0.0
	for _, line := range lines {
		top = max(top, line.Max)
		for _, v := range line.Verdicts {
			top = max(top, v.Goal.limit)
		}
	}
	for _, line := range lines {
		d.bar(line, func(value float64) int { return int(value / max(top, 1e-9) * barsWidth) })
	}
}

func (d *drawing) bar(line Line, scale func(float64) int) {
	class := "ours"
	if line.Baseline {
		class = "baseline"
	}
	end := scale(line.Value)
	middle := d.y + barHeight/2
	d.marks = append(d.marks,
		textElement{Class: "name", X: barsLeft - textGap, Y: d.y + baselineDrop, Text: line.Name},
		rectElement{Class: class, X: barsLeft, Y: d.y, Width: end, Height: barHeight},
		lineElement{Class: "spread", X1: barsLeft + scale(line.Min), Y1: middle, X2: barsLeft + scale(line.Max), Y2: middle},
	)
	right := scale(line.Max)
	for _, v := range line.Verdicts {
		mark := "goal"
		if !v.Met {
			mark = "missed"
		}
		x := scale(v.Goal.limit)
		right = max(right, x)
		d.marks = append(d.marks, lineElement{Class: mark, X1: barsLeft + x, Y1: d.y - 2, X2: barsLeft + x, Y2: d.y + barHeight + 2})
	}
	figures := number(line.Value) + " " + line.Unit
	if len(line.Ratios) > 0 {
		figures += ", " + factor(line.Ratios[0].Value) + " " + line.Ratios[0].To
	}
	d.marks = append(d.marks, textElement{X: barsLeft + right + textGap, Y: d.y + baselineDrop, Text: figures})
	d.y += rowHeight
}
