package circuit

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"redrive/pkg/webhook"
)

// The history agrees with a list of the last 64 attempts, whatever the order in which they end.
func TestHistory(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		const running Outcome = -1
		var h history
		var all []Outcome
		t.Repeat(map[string]func(*rapid.T){
			"begin": func(*rapid.T) {
				all = append(all, running)
				assert.EqualValues(t, len(all), h.begin())
			},
			"end": func(t *rapid.T) {
				if len(all) == 0 {
					t.Skip("nothing has begun")
				}
				i := rapid.IntRange(max(0, len(all)-80), len(all)-1).Draw(t, "attempt")
				if all[i] != running {
					t.Skip("it has ended")
				}
				all[i] = rapid.SampledFrom([]Outcome{Answered, Slow, NoService, TimedOut}).Draw(t, "outcome")
				h.end(uint64(i+1), all[i])
			},
			"clear": func(t *rapid.T) {
				if !rapid.Bool().Draw(t, "really") {
					return
				}
				h.clear()
				for i, o := range all {
					if o != running {
						all[i] = running - 1 // ended, and not known
					}
				}
			},
			"": func(t *rapid.T) {
				var known, bad, down, hungs, badRow, downRow, hungRow int
				badGap, downGap, hungGap := false, false, false
				for i := len(all) - 1; i >= max(0, len(all)-64); i-- {
					o := all[i]
					if o < Answered {
						continue
					}
					known++
					badGap, downGap, hungGap = badGap || o == Answered, downGap || o.Served(), hungGap || o != TimedOut
					if !o.Served() {
						down++
					}
					if !downGap {
						downRow++
					}
					if o != Answered {
						bad++
					}
					if o == TimedOut {
						hungs++
					}
					if !badGap {
						badRow++
					}
					if !hungGap {
						hungRow++
					}
				}
				assert.Equal(t, []int{known, bad, down, hungs, badRow, downRow, hungRow}, []int{
					count(h.known), count(h.bad()), count(h.failed), count(h.timedOut), h.row(h.bad()), h.row(h.failed), h.row(h.timedOut),
				})
			},
		})
	})
}

func TestOutcomes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		result webhook.Result
		want   Outcome
	}{
		"a success":                {webhook.Result{ResponseStatus: 204, Duration: time.Second}, Answered},
		"a failure of its own":     {webhook.Result{ResponseStatus: 500, Duration: time.Second}, Answered},
		"a refusal":                {webhook.Result{ResponseStatus: 404, Duration: time.Second}, Answered},
		"a redirect":               {webhook.Result{ResponseStatus: 302}, Answered},
		"too many requests":        {webhook.Result{ResponseStatus: 429}, NoService},
		"a gateway without server": {webhook.Result{ResponseStatus: 502}, NoService},
		"maintenance":              {webhook.Result{ResponseStatus: 503}, NoService},
		"a Slow server behind it":  {webhook.Result{ResponseStatus: 504}, NoService},
		"no connection":            {webhook.Result{Failure: "the connection was refused"}, NoService},
		"a timeout":                {webhook.Result{Failure: "no answer within 15s", Duration: 15 * time.Second}, TimedOut},
		"a body that never ends":   {webhook.Result{ResponseStatus: 200, Duration: 15 * time.Second}, Slow},
		"nearly a timeout":         {webhook.Result{Failure: "the connection was reset", Duration: 12 * time.Second}, TimedOut},
		"an answer as late":        {webhook.Result{ResponseStatus: 200, Duration: 12 * time.Second}, Slow},
		"a failure as late":        {webhook.Result{ResponseStatus: 500, Duration: 14 * time.Second}, Slow},
		"maintenance as late":      {webhook.Result{ResponseStatus: 503, Duration: 14 * time.Second}, NoService},
		"an answer in time":        {webhook.Result{ResponseStatus: 200, Duration: 11 * time.Second}, Answered},
	} {
		assert.Equal(t, c.want, OutcomeOf(c.result, 15*time.Second), name)
	}
}
