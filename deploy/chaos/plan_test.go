package chaos

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func count(steps []step) map[action]int {
	counts := map[action]int{}
	for _, s := range steps {
		counts[s.action]++
	}
	return counts
}

func TestPlanHasEverythingDone(t *testing.T) {
	t.Parallel()
	steps := plan(Options{Seed: 1})
	assert.Equal(t, map[action]int{
		rollingUpdate: 1, killDispatchers: 1, killAPI: 2, killRedis: 2, flushRedis: 2, stopPostgres: 1, partitionRedis: 1, partitionPostgres: 1,
		outrunFrozen: 1, freeze: 1, fillQueue: 1, storm: 1, // the storm has one more fault of each server
	}, count(steps))
	assert.Equal(t, rollingUpdate, steps[0].action, "before there is anything else to blame")
	assert.GreaterOrEqual(t, steps[1].quiet, orphanLimit, "the orphans have to be found without help")

	steps = plan(Options{Seed: 1, Short: true})
	for a, times := range count(steps) {
		assert.Equal(t, 1, times, a)
	}
	assert.NotContains(t, count(steps), freeze)
	assert.Less(t, duration(Options{Short: true}, steps), 45*time.Second)
}

func TestPlanComesFromTheSeed(t *testing.T) {
	t.Parallel()
	assert.Equal(t, plan(Options{Seed: 3}), plan(Options{Seed: 3}))
	assert.NotEqual(t, plan(Options{Seed: 3}), plan(Options{Seed: 4}))
}

func TestEveryActionIsKnown(t *testing.T) {
	t.Parallel()
	for _, s := range plan(Options{}) {
		assert.Contains(t, lasts, s.action)
	}
}
