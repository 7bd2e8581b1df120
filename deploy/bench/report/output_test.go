package report_test

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/deploy/bench/report"
)

func TestTable(t *testing.T) {
	var out strings.Builder
	require.NoError(t, report.Table(&out, report.Lines(definitions, race())))
	assert.Equal(t, `          median  min – max       of its baseline            must reach
hare          20    10 – 40  m/s
tortoise      18     5 – 28  m/s                             ≥ 2         met
                                                             ≤ 50        met
                                  0.70 × hare                ≥ 0.80 ×    MISSED
                                  0.70 × the tortoise alone
  alone       20    10 – 40  m/s
snail                        not available: it has not arrived <yet>
`, out.String())
}

func TestTableOfLargeAndSmallFigures(t *testing.T) {
	var samples report.Samples
	for _, value := range []float64{1234567.8, 0.1234, 56.78} {
		samples.Add("hare", value)
	}
	var out strings.Builder
	require.NoError(t, report.Table(&out, report.Lines(definitions, &samples)))
	assert.Contains(t, out.String(), "56.8  0.12 – 1,234,568  m/s\n")
}

func TestTableOfANote(t *testing.T) {
	samples := race()
	samples.Note("hare", "in the third of three very long heats")
	var out strings.Builder
	require.NoError(t, report.Table(&out, report.Lines(definitions, samples)))
	assert.Contains(t, out.String(), "hare          20    10 – 40  m/s\n                             note: in the third of three very long heats\n")
	out.Reset()
	require.NoError(t, report.JSON(&out, report.Lines(definitions, samples)))
	assert.Contains(t, out.String(), `"note": "in the third of three very long heats"`)
}

func TestTableWriteErrorIsReturned(t *testing.T) {
	require.ErrorIs(t, report.Table(brokenPipe{}, report.Lines(definitions, race())), errPipe)
}

func TestJSON(t *testing.T) {
	var out strings.Builder
	require.NoError(t, report.JSON(&out, report.Lines(definitions, race())))
	var rows []map[string]any
	require.NoError(t, json.Unmarshal([]byte(out.String()), &rows))
	require.Len(t, rows, 2, "what was not measured is left out")
	assert.Equal(t, map[string]any{
		"name": "hare", "unit": "m/s", "value": 20.0, "min": 10.0, "max": 40.0, "ratioTo": nil, "ratio": nil,
	}, rows[0])
	assert.Equal(t, "hare", rows[1]["ratioTo"])
	assert.InDelta(t, 0.7, rows[1]["ratio"], 1e-9)
	assert.Len(t, rows[1]["details"], 1)

	out.Reset()
	require.NoError(t, report.JSON(&out, nil))
	assert.Equal(t, "[]\n", out.String())
	require.ErrorIs(t, report.JSON(brokenPipe{}, nil), errPipe)
}

func TestSVG(t *testing.T) {
	var out strings.Builder
	require.NoError(t, report.SVG(&out, "Hare & tortoise", "a note with <brackets>", report.Lines(definitions, race())))
	var picture struct {
		XMLName xml.Name
		Texts   []string `xml:"text"`
		Bars    []struct {
			Class string `xml:"class,attr"`
			Width int    `xml:"width,attr"`
		} `xml:"rect"`
		Marks []struct {
			Class string `xml:"class,attr"`
		} `xml:"line"`
	}
	require.NoError(t, xml.Unmarshal([]byte(out.String()), &picture), "it is well-formed")
	assert.Equal(t, "http://www.w3.org/2000/svg", picture.XMLName.Space)
	assert.Contains(t, picture.Texts, "Hare & tortoise")
	assert.Contains(t, picture.Texts, "a note with <brackets>")
	assert.Contains(t, picture.Texts, "Speed")
	assert.Contains(t, picture.Texts, "18 m/s, 0.70 × hare")
	require.Len(t, picture.Bars, 2)
	assert.Equal(t, "baseline", picture.Bars[0].Class)
	assert.Equal(t, "ours", picture.Bars[1].Class)
	assert.Greater(t, picture.Bars[0].Width, picture.Bars[1].Width)
	assert.NotContains(t, out.String(), "&#xA;", "the style can be read")
	assert.Len(t, picture.Marks, 4, "two spreads and two goals")
	require.ErrorIs(t, report.SVG(brokenPipe{}, "", "", nil), errPipe)
}

var errPipe = errors.New("broken pipe")

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, errPipe }

var _ io.Writer = brokenPipe{}
