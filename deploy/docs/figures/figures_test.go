package figures_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/deploy/docs/figures"
)

const results = `[
  {"name": "naive", "unit": "tasks/s", "value": 1234.5, "min": 1200, "max": 1300, "ratioTo": null, "ratio": null},
  {"name": "drain", "unit": "deliveries/s", "value": 99.94, "min": 99.94, "max": 99.94, "ratioTo": "naive", "ratio": 2.345, "note": "the first",
   "details": [{"name": "p50", "unit": "ms", "value": 0.5, "min": 0.25, "max": 1, "ratioTo": null, "ratio": null}]}
]`

const table = "| row | median | least to most | unit | ratio |\n" +
	"| --- | ---: | ---: | --- | --- |\n" +
	"| `naive` | 1234 | 1200 to 1300 | tasks/s |  |\n" +
	"| `drain` | 99.9 |  | deliveries/s | 2.35 × naive; the first |\n" +
	"| &nbsp;&nbsp;p50 | 0.50 | 0.25 to 1.00 | ms |  |\n"

func TestTable(t *testing.T) {
	made, err := figures.Table([]byte(results))
	require.NoError(t, err)
	assert.Equal(t, table, made)

	for _, wrong := range []string{"", "{}", "[]", "[{"} {
		_, err := figures.Table([]byte(wrong))
		assert.Error(t, err, wrong)
	}
}

func TestInto(t *testing.T) {
	page := "before\n" + figures.Begin + "\n" + figures.End + "\nafter\n"
	filled, err := figures.Into(page, table)
	require.NoError(t, err)
	assert.Equal(t, "before\n"+figures.Begin+"\n"+table+figures.End+"\nafter\n", filled)
	again, err := figures.Into(filled, table)
	require.NoError(t, err)
	assert.Equal(t, filled, again)

	for _, wrong := range []string{"", figures.Begin + "\n", figures.End, figures.End + "\n" + figures.Begin + "\n"} {
		_, err := figures.Into(wrong, table)
		assert.Error(t, err, wrong)
	}
}
