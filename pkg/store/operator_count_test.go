package store

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/webhook"
)

// organizationsDue returns n organizations, the first of which has been due for longest.
func organizationsDue(n int) []*organizationLanes {
	organizations := make([]*organizationLanes, n)
	for i := range organizations {
		due := time.Unix(int64(i+1), 0)
		organizations[i] = &organizationLanes{OrganizationLoad: webhook.OrganizationLoad{ID: fmt.Sprintf("org_%06d", i), OldestDueAt: due}}
	}
	return organizations
}

// counter counts from the real numbers, and how much it has counted.
type counter struct {
	numbers map[string]int
	calls   []int // the limit of each
	counted int
}

func (c *counter) count(organizations []*organizationLanes, limit int) (map[string]int, error) {
	c.calls = append(c.calls, limit)
	counts := map[string]int{}
	for _, o := range organizations {
		counts[o.ID] = min(c.numbers[o.ID], limit)
		c.counted += counts[o.ID]
	}
	return counts, nil
}

func TestCountLoadsFewOrganizationsOneRound(t *testing.T) {
	t.Parallel()
	organizations := organizationsDue(20)
	c := counter{numbers: map[string]int{"org_000003": 10_000, "org_000004": 10_001, "org_000005": 7}}
	require.NoError(t, countLoads(organizations, 20, c.count))
	assert.Equal(t, []int{10_001}, c.calls)
	assert.Equal(t, []any{10_000, false}, []any{organizations[3].Waiting, organizations[3].Capped})
	assert.Equal(t, []any{10_000, true}, []any{organizations[4].Waiting, organizations[4].Capped})
	assert.Equal(t, []any{7, false}, []any{organizations[5].Waiting, organizations[5].Capped})
}

func TestCountLoadsManySmallOrganizationsAreExact(t *testing.T) {
	t.Parallel()
	organizations := organizationsDue(1000)
	c := counter{numbers: map[string]int{}}
	for i, o := range organizations {
		c.numbers[o.ID] = i % 90
	}
	c.numbers["org_000900"], c.numbers["org_000901"] = 999, 9_000
	require.NoError(t, countLoads(organizations, 20, c.count))
	for _, o := range organizations {
		assert.Equal(t, c.numbers[o.ID], o.Waiting)
		assert.False(t, o.Capped)
	}
}

// With a backlog everywhere, the work stays bounded, and the organizations that have been due for longest are listed.
func TestCountLoadsManyLargeOrganizationsIsBounded(t *testing.T) {
	t.Parallel()
	organizations := organizationsDue(5000)
	c := counter{numbers: map[string]int{}}
	for _, o := range organizations {
		c.numbers[o.ID] = 1_000_000
	}
	require.NoError(t, countLoads(organizations, 20, c.count))
	assert.Equal(t, []int{101, 1_001, 10_001}, c.calls)
	assert.LessOrEqual(t, c.counted, 4*(countedPerRound+1_000))
	slices.SortFunc(organizations, (*organizationLanes).compareLoad)
	for i, o := range organizations[:20] {
		assert.Equal(t, fmt.Sprintf("org_%06d", i), o.ID)
		assert.Equal(t, 10_000, o.Waiting)
		assert.True(t, o.Capped)
	}
	assert.Equal(t, 1_000, organizations[20].Waiting)
	assert.True(t, organizations[20].Capped)
}

func TestCountLoadsFails(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	err := countLoads(organizationsDue(2), 20, func([]*organizationLanes, int) (map[string]int, error) { return nil, broken })
	require.ErrorIs(t, err, broken)
}
