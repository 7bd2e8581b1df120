package report_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/deploy/bench/report"
)

// definitions of a race between two runners.
var definitions = []report.Definition{
	{Name: "hare", Unit: "m/s", Chart: "Speed", Baseline: true},
	{
		Name: "tortoise", Unit: "m/s", Chart: "Speed", Goals: []report.Goal{report.AtLeast(2), report.AtMost(50)},
		Ratios: []report.Ratio{
			{To: "hare", Goals: []report.Goal{report.AtLeast(0.8)}},
			{To: "tortoise/alone", Label: "the tortoise alone"},
		},
		Details: []report.Definition{{Name: "alone", Unit: "m/s"}, {Name: "asleep", Unit: "s"}},
	},
	{Name: "snail", Unit: "m/s", Chart: "Speed"},
	{Name: "nobody", Unit: "m/s", Chart: "Speed"},
}

func race() *report.Samples {
	var s report.Samples
	for round, speed := range []float64{10, 20, 40} {
		s.Add("hare", speed)
		s.Add("tortoise", speed*[]float64{0.5, 0.9, 0.7}[round])
		s.Add("tortoise/alone", speed)
	}
	s.Miss("snail", "it has not arrived <yet>")
	return &s
}

func TestLines(t *testing.T) {
	lines := report.Lines(definitions, race())
	require.Len(t, lines, 3, "a row that was neither measured nor left out is not there")

	tortoise := lines[1]
	assert.InDelta(t, 18, tortoise.Value, 1e-9)
	assert.InDelta(t, 5, tortoise.Min, 1e-9)
	assert.InDelta(t, 28, tortoise.Max, 1e-9)
	require.Len(t, tortoise.Ratios, 2)
	assert.InDelta(t, 0.7, tortoise.Ratios[0].Value, 1e-9, "the median of the rounds' ratios, not the ratio of medians")
	assert.Equal(t, "the tortoise alone", tortoise.Ratios[1].To)
	assert.True(t, tortoise.Verdicts[0].Met)
	assert.True(t, tortoise.Verdicts[1].Met)
	assert.False(t, tortoise.Ratios[0].Verdicts[0].Met)
	require.Len(t, tortoise.Details, 1, "a detail without samples is not there")
	assert.Equal(t, "alone", tortoise.Details[0].Name)

	assert.Equal(t, "it has not arrived <yet>", lines[2].Missing)
}

func TestValuesWinOverAReasonForNone(t *testing.T) {
	samples := race()
	samples.Add("snail", 0.001)
	lines := report.Lines(definitions, samples)
	assert.Empty(t, lines[2].Missing)
}

func TestRatioWithoutBaselineIsMissing(t *testing.T) {
	var samples report.Samples
	samples.Add("tortoise", 3)
	assert.Empty(t, report.Lines(definitions, &samples)[0].Ratios)
	samples.Add("hare", 0)
	assert.Empty(t, report.Lines(definitions, &samples)[0].Ratios, "nothing is a multiple of nothing")
}

func TestGoals(t *testing.T) {
	assert.True(t, report.AtLeast(0.8).Met(0.8))
	assert.False(t, report.AtLeast(0.8).Met(0.7999))
	assert.True(t, report.AtMost(650).Met(650))
	assert.False(t, report.AtMost(650).Met(651))
	assert.False(t, report.AtMost(650).Met(math.NaN()))
	assert.Equal(t, "≥ 2,500", report.AtLeast(2500).String())
	assert.Equal(t, "≤ 0.50", report.AtMost(0.5).String())
}

func TestMissed(t *testing.T) {
	assert.Equal(t, []string{"tortoise is 0.70 × hare", "snail was not measured"}, report.Missed(report.Lines(definitions, race())))

	var fast report.Samples
	fast.Add("hare", 1)
	fast.Add("tortoise", 1) // below its absolute goal
	assert.Empty(t, report.Missed(report.Lines(definitions, &fast)))
}

func TestMissedOnEveryMachine(t *testing.T) {
	lost := report.Definition{Name: "lost", Unit: "runners", Goals: []report.Goal{report.AtMost(0)}, Gated: true}
	var samples report.Samples
	samples.Add("race", 1)
	samples.Add("race/lost", 2)
	lines := report.Lines([]report.Definition{{Name: "race", Details: []report.Definition{lost}}}, &samples)
	assert.Equal(t, []string{"race: lost is 2 runners"}, report.Missed(lines))
}
