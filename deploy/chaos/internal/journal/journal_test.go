package journal_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"go.uber.org/goleak"

	"redrive/deploy/chaos/internal/audit"
	"redrive/deploy/chaos/internal/journal"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestJournalSortsFaultsByTheirBeginning(t *testing.T) {
	var j journal.Journal
	began := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	early, late := audit.Fault{Kind: audit.RedisKilled, Began: began}, audit.Fault{Kind: audit.RedisFlushed, Began: began.Add(time.Second)}
	j.Fault(late)
	j.Fault(early)
	assert.Equal(t, []audit.Fault{early, late}, j.Faults())
}

func TestJournalKeepsProblemsInOrder(t *testing.T) {
	var j journal.Journal
	j.Problem("%d deliveries are lost", 2)
	j.Problem("the API ended")
	assert.Equal(t, []string{"2 deliveries are lost", "the API ended"}, j.Problems())
}
