// Package chart computes the bars of the console's charts. Templates draw them as SVG, with a table of the same numbers beside them.
package chart

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"redrive/api-service/internal/console/resource"
	"redrive/pkg/queue"
)

// The size of a chart in its own units. A browser scales it to the width of the page.
const (
	width, height = 720, 150
	// left and bottom are the space for the labels of the axes.
	left, bottom = 44, 22
	top          = 8
)

// Bar is one interval.
type Bar struct {
	X, Width          string
	GoodY, GoodHeight string
	BadY, BadHeight   string
	Start             time.Time
	Succeeded, Failed int64
	Attempts          int64
	P50Ms, P95Ms      *int64
	Partial           bool
	// Errors are the failed attempts by their code, as a text.
	Errors string
}

// Tick is a label of an axis.
type Tick struct{ X, Y, Text string }

// Chart is a bar chart of successes and failures over time.
type Chart struct {
	Bars               []Bar
	Columns            []Tick
	Rows               []Tick
	ViewBox            string
	Left, Right, Floor string
	// WithErrors says that the table has the failures by code.
	WithErrors bool
	// Title says in a sentence what the chart shows, for readers that do not see it.
	Title string
}

// New returns the chart of a series of intervals of the same length.
func New(series []resource.Counts) Chart {
	c := Chart{
		ViewBox: fmt.Sprintf("0 0 %d %d", width, height), Left: number(left), Right: number(width), Floor: number(height - bottom),
	}
	if len(series) == 0 {
		return c
	}
	most := int64(1)
	var succeeded, failed int64
	for _, counts := range series {
		most = max(most, counts.Succeeded+counts.Failed)
		succeeded, failed = succeeded+counts.Succeeded, failed+counts.Failed
	}
	most = rounded(most)
	step := float64(width-left) / float64(len(series))
	scale := float64(height-top-bottom) / float64(most)
	for i, counts := range series {
		good, bad := float64(counts.Succeeded)*scale, float64(counts.Failed)*scale
		floor := float64(height - bottom)
		c.Bars = append(c.Bars, Bar{
			X: number(left + float64(i)*step + step*0.1), Width: number(step * 0.8),
			GoodY: number(floor - good), GoodHeight: number(good), BadY: number(floor - good - bad), BadHeight: number(bad),
			Start: counts.Start, Succeeded: counts.Succeeded, Failed: counts.Failed, Attempts: counts.Attempts,
			P50Ms: counts.P50Ms, P95Ms: counts.P95Ms, Partial: counts.Partial, Errors: byCode(counts.Errors),
		})
		if every := max(1, (len(series)+5)/6); i%every == 0 {
			c.Columns = append(c.Columns, Tick{number(left + float64(i)*step), number(height - 6), label(series, counts.Start)})
		}
	}
	for _, n := range []int64{most, most / 2} {
		c.Rows = append(c.Rows, Tick{number(left - 6), number(float64(height-bottom) - float64(n)*scale), compact(n)})
	}
	c.Title = fmt.Sprintf("%d deliveries succeeded and %d failed in %d intervals", succeeded, failed, len(series))
	return c
}

// label returns the label of an interval: the hour, or the day if intervals are days.
func label(series []resource.Counts, start time.Time) string {
	if len(series) > 1 && series[1].Start.Sub(series[0].Start) >= 24*time.Hour {
		return start.UTC().Format("Jan 2")
	}
	return start.UTC().Format("15:04")
}

// rounded returns the next even number of the form n × 10^k with one or two digits, as the end of an axis.
func rounded(n int64) int64 {
	if n <= 2 {
		return 2
	}
	unit := int64(math.Pow10(int(math.Log10(float64(n)))))
	for _, factor := range []float64{1, 1.5, 2, 3, 4, 5, 6, 8, 10} {
		if candidate := int64(factor * float64(unit)); candidate >= n {
			return candidate + candidate%2
		}
	}
	return 10 * unit
}

// compact writes a number with at most about four characters.
func compact(n int64) string {
	switch {
	case n >= 1_000_000:
		return strconv.FormatFloat(float64(n)/1_000_000, 'g', 3, 64) + "M"
	case n >= 10_000:
		return strconv.FormatFloat(float64(n)/1_000, 'g', 3, 64) + "k"
	}
	return strconv.FormatInt(n, 10)
}

func number(x float64) string { return strconv.FormatFloat(math.Round(x*100)/100, 'f', -1, 64) }

// Rate returns the share of successes in percent, or "" if there is nothing. 100 % is shown only if nothing failed.
func Rate(succeeded, failed int64) string {
	all := succeeded + failed
	if all == 0 {
		return ""
	}
	share := 100 * float64(succeeded) / float64(all)
	if failed > 0 {
		share = min(share, 99.99)
	}
	return strconv.FormatFloat(math.Floor(share*100)/100, 'f', -1, 64) + " %"
}

// OfMinutes returns the chart of the attempts by minute.
func OfMinutes(minutes []queue.MinuteCount) Chart {
	series := make([]resource.Counts, len(minutes))
	for i, minute := range minutes {
		counts := resource.Counts{Start: minute.Start, Partial: i == len(minutes)-1, Errors: map[string]int64{}}
		for result, n := range minute.Results {
			counts.Attempts += n
			if result == "success" {
				counts.Succeeded += n
			} else {
				counts.Failed += n
				counts.Errors[result] = n
			}
		}
		series[i] = counts
	}
	c := New(series)
	c.WithErrors = true
	c.Title = strings.Replace(c.Title, "deliveries succeeded", "attempts succeeded", 1)
	return c
}

// byCode writes numbers by their codes, the codes in their order.
func byCode(errors map[string]int64) string {
	parts := make([]string, 0, len(errors))
	for _, code := range slices.Sorted(maps.Keys(errors)) {
		parts = append(parts, code+" "+strconv.FormatInt(errors[code], 10))
	}
	return strings.Join(parts, ", ")
}
