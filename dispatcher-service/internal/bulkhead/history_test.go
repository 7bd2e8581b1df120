package bulkhead

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
		const running outcome = -1
		var h history
		var all []outcome
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
				all[i] = rapid.SampledFrom([]outcome{answered, slow, noService, hung}).Draw(t, "outcome")
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
					if o < answered {
						continue
					}
					known++
					badGap, downGap, hungGap = badGap || o == answered, downGap || o.served(), hungGap || o != hung
					if !o.served() {
						down++
					}
					if !downGap {
						downRow++
					}
					if o != answered {
						bad++
					}
					if o == hung {
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
					count(h.known), count(h.bad()), count(h.down), count(h.hung), h.row(h.bad()), h.row(h.down), h.row(h.hung),
				})
			},
		})
	})
}

func TestOutcomes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		result webhook.Result
		want   outcome
	}{
		"a success":                {webhook.Result{ResponseStatus: 204, Duration: time.Second}, answered},
		"a failure of its own":     {webhook.Result{ResponseStatus: 500, Duration: time.Second}, answered},
		"a refusal":                {webhook.Result{ResponseStatus: 404, Duration: time.Second}, answered},
		"a redirect":               {webhook.Result{ResponseStatus: 302}, answered},
		"too many requests":        {webhook.Result{ResponseStatus: 429}, noService},
		"a gateway without server": {webhook.Result{ResponseStatus: 502}, noService},
		"maintenance":              {webhook.Result{ResponseStatus: 503}, noService},
		"a slow server behind it":  {webhook.Result{ResponseStatus: 504}, noService},
		"no connection":            {webhook.Result{Failure: "the connection was refused"}, noService},
		"a timeout":                {webhook.Result{Failure: "no answer within 15s", Duration: 15 * time.Second}, hung},
		"a body that never ends":   {webhook.Result{ResponseStatus: 200, Duration: 15 * time.Second}, slow},
		"nearly a timeout":         {webhook.Result{Failure: "the connection was reset", Duration: 12 * time.Second}, hung},
		"an answer as late":        {webhook.Result{ResponseStatus: 200, Duration: 12 * time.Second}, slow},
		"a failure as late":        {webhook.Result{ResponseStatus: 500, Duration: 14 * time.Second}, slow},
		"maintenance as late":      {webhook.Result{ResponseStatus: 503, Duration: 14 * time.Second}, noService},
		"an answer in time":        {webhook.Result{ResponseStatus: 200, Duration: 11 * time.Second}, answered},
	} {
		assert.Equal(t, c.want, outcomeOf(c.result, 15*time.Second), name)
	}
}
