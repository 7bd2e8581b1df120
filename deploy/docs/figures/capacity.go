package figures

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// The lines that the table of Capacity stands between.
const (
	BeginCapacity = "<!-- capacity:begin -->"
	EndCapacity   = "<!-- capacity:end -->"
)

const (
	secondsPerDay = 86_400
	// peakFactor is by how much the busiest second of a day is taken to exceed the average.
	peakFactor = 5
	// The settings and the receiver that the page reckons with.
	retentionDays, shortDays = 90, 7
	answerSeconds            = 0.2
	concurrency              = 200 // DISPATCHER_CONCURRENCY
	micro                    = 1e6
	giga                     = 1e9
)

// processors is the row with the processor time of a delivery.
const processors = "end-to-end-single"

// days are the deliveries a day that the page is about, in millions.
var days = []float64{10, 100, 1000}

// need is one line of the table: a quantity of the deliveries a day, and how it is computed.
type need struct {
	name, arithmetic string
	of               func(perDay float64) float64
}

// Capacity makes a Markdown table of what deliveries a day need, with the arithmetic, of the rows about capacity and of the processor time of
// end-to-end-single, which several files of the benchmark may have.
func Capacity(results ...[]byte) (string, error) {
	each, err := readEach(results)
	if err != nil {
		return "", err
	}
	var table strings.Builder
	table.WriteString("| N deliveries a day |")
	for _, millions := range days {
		table.WriteString(" " + grouped(millions) + " million |")
	}
	table.WriteString(" arithmetic |\n| --- |" + strings.Repeat(" ---: |", len(days)) + " --- |\n")
	for _, n := range each.needs() {
		table.WriteString("| " + n.name + " |")
		for _, millions := range days {
			table.WriteString(" " + significant(n.of(millions*1e6)) + " |")
		}
		table.WriteString(" " + n.arithmetic + " |\n")
	}
	return table.String(), nil
}

// measured is what one delivery takes.
type measured struct {
	disk, wal, commands       float64
	services, postgres, redis float64 // µs
}

func readEach(results [][]byte) (m measured, err error) {
	var rows []row
	for _, file := range results {
		var more []row
		if err := json.Unmarshal(file, &more); err != nil {
			return m, fmt.Errorf("read the benchmark's results: %w", err)
		}
		rows = append(rows, more...)
	}
	values := map[string]float64{}
	for _, r := range rows {
		values[r.Name] = r.Value
		for _, detail := range r.Details {
			values[r.Name+"/"+detail.Name] = detail.Value
		}
	}
	for name, into := range map[string]*float64{
		"database-bytes": &m.disk, "capacity-wal": &m.wal, "capacity-redis": &m.commands,
		processors + "/PostgreSQL CPU": &m.postgres, processors + "/Redis CPU": &m.redis, processors + "/own CPU": &m.services,
	} {
		if *into = values[name]; *into <= 0 {
			return m, fmt.Errorf("the benchmark's results have no %s", name)
		}
	}
	return m, nil
}

func (m measured) needs() []need {
	peak := func(perDay float64) float64 { return perDay / secondsPerDay * peakFactor }
	return []need{
		{"deliveries a second, on average", "N / 86,400 s", func(n float64) float64 { return n / secondsPerDay }},
		{"deliveries a second at the peak: P", fmt.Sprintf("%d × average", peakFactor), peak},
		{
			fmt.Sprintf("disk of PostgreSQL for %d days, in GB", retentionDays),
			fmt.Sprintf("N × %d × %s bytes", retentionDays, number(m.disk)),
			func(n float64) float64 { return n * retentionDays * m.disk / giga },
		},
		{
			fmt.Sprintf("the same for %d days, in GB", shortDays), fmt.Sprintf("N × %d × %s bytes", shortDays, number(m.disk)),
			func(n float64) float64 { return n * shortDays * m.disk / giga },
		},
		{
			"WAL a day, in GB", "N × " + number(m.wal) + " bytes",
			func(n float64) float64 { return n * m.wal / giga },
		},
		{
			"WAL a second at the peak, in MB", "P × " + number(m.wal) + " bytes",
			func(n float64) float64 { return peak(n) * m.wal / micro },
		},
		{
			"commands of Redis a second at the peak", "P × " + number(m.commands),
			func(n float64) float64 { return peak(n) * m.commands },
		},
		{
			"cores for PostgreSQL at the peak", "P × " + number(m.postgres) + " µs",
			func(n float64) float64 { return peak(n) * m.postgres / micro },
		},
		{
			"cores for Redis at the peak; one Redis has one", "P × " + number(m.redis) + " µs",
			func(n float64) float64 { return peak(n) * m.redis / micro },
		},
		{
			"cores for API and dispatchers at the peak", "P × " + number(m.services) + " µs",
			func(n float64) float64 { return peak(n) * m.services / micro },
		},
		{
			"dispatchers at the peak, if receivers answer in 0.2 s", fmt.Sprintf("P × %v s / %d in flight", answerSeconds, concurrency),
			func(n float64) float64 { return peak(n) * answerSeconds / concurrency },
		},
	}
}

// significant rounds to two significant digits: the rest would be noise.
func significant(value float64) string {
	if value >= 100 {
		step := 1.0
		for value/step >= 100 {
			step *= 10
		}
		return grouped(float64(int64(value/step+0.5)) * step)
	}
	return strconv.FormatFloat(value, 'g', 2, 64)
}

// grouped separates thousands.
func grouped(value float64) string {
	digits := strconv.FormatFloat(value, 'f', 0, 64)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
