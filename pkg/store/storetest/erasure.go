package storetest

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

// populated is an organization with rows in every table, and another one beside it.
type populated struct {
	world
	key, elsewhere webhook.APIKey
	// waiting has two attempts.
	waiting webhook.Delivery
	rows    int64
}

func populate(t *testing.T, s *store.Store) populated {
	t.Helper()
	p := populated{world: newWorld(t, s)}
	p.key, p.elsewhere = keep(t, s, org, webhook.ScopeReadWrite), keep(t, s, other, webhook.ScopeReadWrite)
	_, p.waiting = p.publish()
	for range 2 {
		p.waiting, _ = p.attempt(p.waiting, 500)
	}
	merge(t, s, 100)
	p.failed()
	alone := webhook.NewEvent(org, webhook.EventSpec{Type: "run.finished", Data: []byte(`{}`)}, start)
	require.NoError(t, s.CreateEvent(t.Context(), alone, nil))
	_, err := s.CreateBulkJob(t.Context(), webhook.BulkSpec{OrganizationID: org, Action: webhook.BulkRetry, Filter: map[string]string{"status": "failure"}})
	require.NoError(t, err)
	require.NoError(t, s.CreateConsoleSession(t.Context(), consoleLink(p.key, start)))
	p.rows = 4 + 2 + 3 + 1 + 1 + 1 + 1 + 1 + 1 // events (one says that a delivery has failed), deliveries, attempts, endpoint, its creation, its health, key, bulk job, console session
	p.rows += 4 + 1 + 4                        // statistics: of the hour, its event type, not merged yet
	return p
}

// erase calls EraseBatch until there is nothing to erase, and returns the results.
func erase(t *testing.T, s *store.Store, now time.Time, limit int) (batches []store.Erased) {
	t.Helper()
	for {
		erased, err := s.EraseBatch(t.Context(), now, limit)
		require.NoError(t, err)
		require.LessOrEqual(t, erased.Rows, int64(limit))
		if erased.OrganizationID == "" {
			return batches
		}
		require.Equal(t, org, erased.OrganizationID)
		batches = append(batches, erased)
		if erased.Done {
			return batches
		}
	}
}

func rowsOf(batches []store.Erased) (rows int64) {
	for _, batch := range batches {
		rows += batch.Rows
	}
	return rows
}

// testErasurePasses erases an organization in two passes. Nothing of it is left, and nothing of another organization is touched.
func testErasurePasses(t *testing.T, s *store.Store) {
	p := populate(t, s)
	eraseAfter := start.Add(time.Hour)
	_, err := s.DeleteOrganization(t.Context(), org, start, eraseAfter)
	require.NoError(t, err)
	assert.Empty(t, erase(t, s, eraseAfter.Add(-time.Microsecond), 500), "it can be restored")

	first := erase(t, s, eraseAfter, 500)
	assert.Equal(t, p.rows, rowsOf(first))
	assert.True(t, first[len(first)-1].Passed)
	erasing, err := s.FindOrganization(t.Context(), org)
	require.NoError(t, err)
	assert.Equal(t, webhook.Erasure{StartedAt: eraseAfter, RowsErased: p.rows}, erasing.Erasure)
	_, err = s.PutOrganization(t.Context(), org, webhook.OrganizationChange{}, start)
	require.ErrorIs(t, err, webhook.ErrOrganizationErasing, "a clock that is behind restores nothing")

	// A process that had the organization in its cache commits an event after the first pass.
	p.publish()
	assert.Empty(t, erase(t, s, eraseAfter.Add(20*time.Second-time.Microsecond), 500), "the last pass comes later")
	last := erase(t, s, eraseAfter.Add(20*time.Second), 500)
	assert.Equal(t, int64(3), rowsOf(last))
	assert.True(t, last[len(last)-1].Done)

	_, err = s.FindOrganization(t.Context(), org)
	requireNotFound(t, err)
	assert.Equal(t, webhook.OrganizationUsage{}, usageOf(t, s, org))
	_, err = s.FindDelivery(t.Context(), org, p.waiting.ID)
	requireNotFound(t, err)
	_, err = s.FindAPIKeyByHash(t.Context(), p.key.KeyHash)
	requireNotFound(t, err)
	_, err = s.FindAPIKeyByHash(t.Context(), p.elsewhere.KeyHash)
	require.NoError(t, err, "the other organization keeps its key")
	put(t, s, org)
}

func usageOf(t *testing.T, s *store.Store, organizationID string) webhook.OrganizationUsage {
	t.Helper()
	usage, err := s.FindUsage(t.Context(), organizationID, start)
	require.NoError(t, err)
	return usage
}

// testErasureBatches erases in batches of one row, each of which could be the last before a crash.
func testErasureBatches(t *testing.T, s *store.Store) {
	p := populate(t, s)
	_, err := s.DeleteOrganization(t.Context(), org, start, start)
	require.NoError(t, err)
	batches := erase(t, s, start, 1)
	assert.Equal(t, p.rows, rowsOf(batches))
	assert.Len(t, batches, int(p.rows)+1)
}

// testErasureConcurrent erases one organization by several processes. The count is exact, and the organization ends once.
func testErasureConcurrent(t *testing.T, s *store.Store) {
	p := populate(t, s)
	for range 30 {
		p.publish()
		p.rows += 3
	}
	_, err := s.DeleteOrganization(t.Context(), org, start, start)
	require.NoError(t, err)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 200 {
				_, err := s.EraseBatch(t.Context(), start, 3)
				assert.NoError(t, err)
			}
		})
	}
	group.Wait()
	erase(t, s, start, 3)
	found, err := s.FindOrganization(t.Context(), org)
	require.NoError(t, err)
	assert.Equal(t, p.rows, found.Erasure.RowsErased)
}
