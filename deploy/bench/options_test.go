package bench

import (
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseOptions(t *testing.T) {
	full := Options{Rounds: 3, Scale: 1, Rows: 2_000_000, Bulk: 1_000_000}
	for name, test := range map[string]struct {
		args []string
		want func(*Options)
	}{
		"nothing":                        {nil, func(*Options) {}},
		"rows":                           {[]string{"--only", "drain, asynq-post,"}, func(o *Options) { o.Only = []string{"drain", "asynq-post"} }},
		"files":                          {[]string{"--json", "a", "--svg=b"}, func(o *Options) { o.JSON, o.SVG = "a", "b" }},
		"a file twice, the last wins":    {[]string{"--svg", "a", "--svg", "b"}, func(o *Options) { o.SVG = "b" }},
		"gate":                           {[]string{"--gate"}, func(o *Options) { o.Gate = true }},
		"more rows":                      {[]string{"--rows", "5000000"}, func(o *Options) { o.Rows = 5_000_000 }},
		"quick":                          {[]string{"--quick"}, func(o *Options) { o.Rounds, o.Scale, o.Rows, o.Bulk = 1, 0.3, 200_000, 50_000 }},
		"quick, but not in all":          {[]string{"--rounds", "2", "--quick", "--rows", "50000"}, func(o *Options) { o.Rounds, o.Scale, o.Rows, o.Bulk = 2, 0.3, 50_000, 50_000 }},
		"embedded is shorter by itself":  {[]string{"--embedded"}, func(o *Options) { o.Embedded, o.Scale = true, 0.1 }},
		"embedded and quick":             {[]string{"--embedded", "--quick"}, func(o *Options) { o.Embedded, o.Rounds, o.Scale, o.Rows, o.Bulk = true, 1, 0.1, 200_000, 50_000 }},
		"embedded at a scale of its own": {[]string{"--embedded", "--scale", "0.5"}, func(o *Options) { o.Embedded, o.Scale, o.Bulk = true, 0.5, 500_000 }},
		"a bulk job of its own size":     {[]string{"--scale", "0.5", "--bulk", "7"}, func(o *Options) { o.Scale, o.Bulk = 0.5, 7 }},
	} {
		t.Run(name, func(t *testing.T) {
			want := full
			test.want(&want)
			got, err := ParseOptions(test.args, io.Discard)
			require.NoError(t, err)
			assert.Equal(t, want, got)
		})
	}
}

func TestParseOptionsInvalidNamesOption(t *testing.T) {
	for name, test := range map[string]struct {
		args []string
		said string
	}{
		"a row that is none":     {[]string{"--only", "drain,drift"}, `there is no row "drift"`},
		"no rounds":              {[]string{"--rounds", "0"}, "at least one round"},
		"nothing of everything":  {[]string{"--scale", "0"}, "a scale above 0"},
		"too small a large":      {[]string{"--rows", "100"}, "10000 rows are needed"},
		"a job of nothing":       {[]string{"--bulk", "0"}, "one delivery of a bulk job"},
		"a flag that is none":    {[]string{"--fast"}, "not defined: -fast"},
		"arguments that are not": {[]string{"drain"}, "nothing to do with"},
	} {
		t.Run(name, func(t *testing.T) {
			var said strings.Builder
			_, err := ParseOptions(test.args, &said)
			require.Error(t, err)
			assert.Contains(t, said.String(), test.said)
			assert.Contains(t, said.String(), "Usage of bench")
		})
	}
	_, err := ParseOptions([]string{"--help"}, io.Discard)
	require.ErrorIs(t, err, ErrHelp)
}

// TestRows fixes the names, because other programs read them from the JSON.
func TestRows(t *testing.T) {
	assert.ElementsMatch(t, strings.Fields(`
		asynq-noop asynq-post naive drain publish-batch publish-keyed publish-single insert-baseline write-cost end-to-end-single end-to-end-batch
		latency-p50 latency-p99 retry update-baseline neighbour-p99 idle-commands queue-bytes growth-retry growth-list database-bytes
		bulk-drain bulk-pace delete-endpoint pause-resume erase-organization partitions growth-search growth-scan growth-cursor growth-plan growth-stats growth-console
		flood-p99 flood-single-p99 fanout-p99 floods-p99 flood-drain flood-redis saturated bytes-dispatcher bytes-api
		capacity-wal capacity-redis capacity-connections cost nodes`), rowNames())
}

func TestEveryRowIsMeasuredOnce(t *testing.T) {
	var measured []string
	for _, f := range families() {
		measured = append(measured, f.rows...)
	}
	assert.ElementsMatch(t, rowNames(), measured)
}

func TestWantedFamilies(t *testing.T) {
	names := func(o Options) []string {
		var list []string
		for _, f := range newSession(o, nil).wanted() {
			list = append(list, f.name)
		}
		return list
	}
	assert.Equal(t, []string{"draining a queue"}, names(Options{Only: []string{rowDrain, rowPost}}))
	assert.Len(t, names(Options{}), len(families()))
	assert.NotContains(t, names(Options{Embedded: true}), "idling", "there is no Redis that could be asked")
	assert.Empty(t, names(Options{Embedded: true, Only: []string{rowIdle}}))
}

func TestAmountsAreScaledAndNeverNothing(t *testing.T) {
	full, half, least := newAmounts(1), newAmounts(0.5), newAmounts(0.00001)
	assert.Equal(t, 30_000, full.drain)
	assert.Equal(t, 15_000, half.drain)
	assert.Equal(t, 1, least.drain)
	assert.Equal(t, 10*time.Second, full.latency)
	assert.Equal(t, 5*time.Second, half.latency)
	assert.Equal(t, 10*time.Second, least.idle, "an idle system has to be watched for that long at least")
}

func TestEmbeddedProcessHasNoGoals(t *testing.T) {
	for _, d := range withoutGoals(catalog()) {
		assert.Empty(t, d.Goals, d.Name)
		for _, detail := range slices.Concat(d.Details) {
			assert.Empty(t, detail.Goals, d.Name)
		}
		for _, ratio := range d.Ratios {
			assert.Empty(t, ratio.Goals, d.Name)
		}
	}
}
