package chaos

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"redrive/deploy/chaos/internal/audit"
)

func TestJudge(t *testing.T) {
	t.Parallel()
	recovery := func(kind audit.Kind, first time.Duration) audit.Result {
		return audit.Result{Recoveries: []audit.Recovery{{Fault: audit.Fault{Kind: kind}, Unheld: 1, First: first}}}
	}
	for name, c := range map[string]struct {
		report Report
		slow   int
	}{
		"Redis in time":    {Report{Result: recovery(audit.RedisKilled, 9*time.Second)}, 0},
		"Redis late":       {Report{Result: recovery(audit.RedisKilled, 11*time.Second)}, 1},
		"Postgres in time": {Report{Result: recovery(audit.PostgresStopped, 14*time.Second)}, 0},
		"Postgres late":    {Report{Result: recovery(audit.PostgresStopped, 16*time.Second)}, 1},
		"orphan in time":   {Report{Result: audit.Result{Remade: []time.Duration{44 * time.Second}}}, 0},
		"orphan late":      {Report{Result: audit.Result{Remade: []time.Duration{time.Second, 46 * time.Second}}}, 1},
		"queue in time":    {Report{Waiting: BackInQueue{Waiting: 50_000, After: 29 * time.Second}}, 0},
		"queue late":       {Report{Waiting: BackInQueue{Waiting: 50_000, After: 31 * time.Second}}, 1},
		"nobody waited":    {Report{Result: audit.Result{Recoveries: []audit.Recovery{{Fault: audit.Fault{Kind: audit.RedisKilled}, First: time.Hour}}}}, 0},
		"nothing measured": {Report{Times: map[audit.Kind]int{audit.RedisFlushed: 2}}, 1},
		"sent meanwhile":   {Report{Result: audit.Result{Recoveries: []audit.Recovery{{Fault: audit.Fault{Kind: audit.PostgresStopped}, Meanwhile: 1}}}}, 1},
		"published":        {Report{SlowestWithoutRedis: time.Second}, 0},
		"publishing hung":  {Report{SlowestWithoutRedis: 3 * time.Second}, 1},
		"short and hung":   {Report{Options: Options{Short: true}, SlowestWithoutRedis: time.Minute}, 0},
		"short":            {Report{Options: Options{Short: true}, Result: recovery(audit.RedisKilled, time.Hour)}, 0},
		"control":          {Report{Options: Options{Control: NoFencing}, Result: recovery(audit.RedisKilled, time.Hour)}, 0},
		"asynq's defaults": {Report{Options: Options{Control: AsynqDefaults}, Result: audit.Result{Remade: []time.Duration{time.Minute}}}, 1},
	} {
		assert.Len(t, judge(&c.report), c.slow, name)
	}
}

func TestOK(t *testing.T) {
	t.Parallel()
	assert.True(t, (&Report{}).OK())
	assert.False(t, (&Report{Slow: []string{"x"}}).OK())
	assert.False(t, (&Report{Problems: []string{"x"}}).OK())
	assert.False(t, (&Report{Result: audit.Result{Findings: []audit.Finding{{Rule: "x"}}}}).OK())
}

func TestExcesses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		report   Report
		problems int
	}{
		"none": {Report{
			Result: audit.Result{Duplicates: 3, InFlight: 3}, Leftovers: Leftovers{Open: 2, Phantoms: 2}, Gauges: []Gauge{{"api-service", 150, 45 << 20}},
		}, 0},
		"more duplicates than in flight": {Report{Result: audit.Result{Duplicates: 4, InFlight: 3}}, 1},
		"a phantom that blocks":          {Report{Leftovers: Leftovers{Open: 1, Phantoms: 1, Blocking: 1}}, 1},
		"leaking goroutines":             {Report{Gauges: []Gauge{{"api-service", 800, 45 << 20}}}, 1},
		"leaking memory":                 {Report{Gauges: []Gauge{{"api-service", 150, 1 << 30}}}, 1},
	} {
		assert.Len(t, excesses(&c.report), c.problems, name)
	}
}

// Programs read the last line by these names.
func TestLine(t *testing.T) {
	t.Parallel()
	one := &Report{Result: audit.Result{Accepted: 2000, Duplicates: 3, InFlight: 5, Remade: []time.Duration{2 * time.Second}}}
	two := &Report{Result: audit.Result{Accepted: 500, Lost: 1, Findings: []audit.Finding{{}}}, Problems: []string{"x"}, Slow: []string{"y"}}
	assert.True(t, strings.HasPrefix(Line([]*Report{one, two}), "accepted=2500 lost=1 duplicates=3 inFlightAtKills=5 violations=2 slow=1 "))
	assert.Contains(t, Line([]*Report{one, two}), " orphanSeconds=2.0 ")
	assert.NotContains(t, Line([]*Report{one}), "\n")
}

func TestPrint(t *testing.T) {
	t.Parallel()
	var findings []audit.Finding
	for range maxShown + 2 {
		findings = append(findings, audit.Finding{Rule: "overwritten", Delivery: "dlv_1", Detail: "x"})
	}
	var table strings.Builder
	(&Report{Result: audit.Result{Accepted: 2000, Findings: findings}, Problems: []string{"it broke"}, Slow: []string{"too late"}}).Print(&table)
	assert.Equal(t, maxShown, strings.Count(table.String(), "overwritten: dlv_1: x"))
	assert.Contains(t, table.String(), "overwritten: 2 more")
	assert.Contains(t, table.String(), "it broke")
	assert.Contains(t, table.String(), "too late")
	assert.Contains(t, table.String(), "2000")
}
