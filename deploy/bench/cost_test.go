package bench

import (
	"testing"

	"github.com/google/pprof/profile"
	"github.com/stretchr/testify/assert"
)

func TestSharesOfAddSamplesByStep(t *testing.T) {
	sample := func(value int64, labels ...string) *profile.Sample {
		return &profile.Sample{Value: []int64{value}, Label: map[string][]string{"step": labels}}
	}
	shares := sharesOf(&profile.Profile{Sample: []*profile.Sample{sample(1, "load"), sample(5, "post"), sample(2), sample(2, "load")}})
	assert.Equal(t, map[string]float64{"load": 0.3, "post": 0.5, stepOther: 0.2}, shares)
}

func TestLoggedCountsRowsAndEntries(t *testing.T) {
	var l logged
	for _, kind := range []string{"Heap/INSERT+INIT", "Heap/HOT_UPDATE", "Btree/INSERT_LEAF", "Btree/SPLIT_R", "Btree/INSERT_UPPER", "Transaction/COMMIT", "Heap/LOCK"} {
		l.add(kind, 2)
	}
	assert.Equal(t, logged{rows: 4, entries: 4, commits: 2}, l)
}
