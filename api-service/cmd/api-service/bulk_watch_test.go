package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/webhook"
)

// readBulk answers each read of a job by a function. Other calls panic.
type readBulk struct {
	bulkStore
	reads int
	read  func(n int) (webhook.BulkJob, error)
}

func (s *readBulk) FindBulkJob(context.Context, string, string) (webhook.BulkJob, error) {
	s.reads++
	return s.read(s.reads)
}

func bulkJob(processed int64, status webhook.BulkStatus) webhook.BulkJob {
	return webhook.BulkJob{
		BulkSpec: webhook.BulkSpec{OrganizationID: "org_a", Action: webhook.BulkRetry}, ID: "job_x", Status: status,
		Total: 100, Counted: true, Processed: processed, Applied: processed,
	}
}

// watchReads watches one job in virtual time.
func watchReads(t *testing.T, read func(n int) (webhook.BulkJob, error)) (stdout, stderr string, err error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var out, errors bytes.Buffer
		w := bulkWatch{
			store: &readBulk{read: read}, jobs: []webhook.BulkJob{bulkJob(0, webhook.BulkRunning)}, output: newBulkOutput(false, &out, &errors),
		}
		err = w.run(t.Context())
		stdout, stderr = out.String(), errors.String()
	})
	return stdout, stderr, err
}

func TestBulkWatchNoStepNamesDispatchers(t *testing.T) {
	_, stderr, err := watchReads(t, func(n int) (webhook.BulkJob, error) {
		switch {
		case n < 30:
			return bulkJob(0, webhook.BulkRunning), nil
		case n < 60:
			return bulkJob(50, webhook.BulkRunning), nil
		}
		return bulkJob(100, webhook.BulkCompleted), nil
	})
	require.NoError(t, err)
	const note = "no job has made a step for 10s: dispatchers make the steps; see that one is running and reaches this database\n"
	assert.Equal(t, "0 of 100 deliveries handled, 0 of 1 jobs ended\n"+note+"50 of 100 deliveries handled, 0 of 1 jobs ended\n"+note+"100 of 100 deliveries handled, 1 of 1 jobs ended\n", stderr)
}

func TestBulkWatchStepsPrintLinesAndNoNote(t *testing.T) {
	stdout, stderr, err := watchReads(t, func(n int) (webhook.BulkJob, error) {
		if n > 25 {
			return bulkJob(100, webhook.BulkCompleted), nil
		}
		return bulkJob(int64(n), webhook.BulkRunning), nil
	})
	require.NoError(t, err)
	assert.Equal(t, "completed job_x of organization org_a: 100 of 100 handled, 100 applied\n", stdout)
	assert.Equal(t, "11 of 100 deliveries handled, 0 of 1 jobs ended\n21 of 100 deliveries handled, 0 of 1 jobs ended\n", stderr)
}

func TestBulkWatchDatabaseUnavailableContinues(t *testing.T) {
	stdout, stderr, err := watchReads(t, func(n int) (webhook.BulkJob, error) {
		switch {
		case n < 30:
			return webhook.BulkJob{}, errors.New("the database is down")
		case n == 30:
			return bulkJob(1, webhook.BulkRunning), nil
		}
		return bulkJob(100, webhook.BulkCompleted), nil
	})
	require.NoError(t, err)
	assert.Contains(t, stdout, "completed job_x")
	assert.Equal(t, "cannot read the jobs, trying again: the database is down\n0 of 100 deliveries handled, 0 of 1 jobs ended\nthe jobs can be read again\n"+
		"1 of 100 deliveries handled, 0 of 1 jobs ended\n", stderr, "one note, and none about dispatchers")
}

func TestBulkWatchCancelledOrGoneFails(t *testing.T) {
	stdout, _, err := watchReads(t, func(int) (webhook.BulkJob, error) { return bulkJob(40, webhook.BulkCancelled), nil })
	require.EqualError(t, err, "bulk job job_x was cancelled")
	assert.Equal(t, "cancelled job_x of organization org_a: 40 of 100 handled, 40 applied\n", stdout)

	_, _, err = watchReads(t, func(int) (webhook.BulkJob, error) {
		return webhook.BulkJob{}, &webhook.Error{Code: webhook.CodeNotFound, Message: "there is no bulk job job_x"}
	})
	require.ErrorContains(t, err, "organization org_a: there is no bulk job job_x")
}

func TestBulkBarOnTerminalOnly(t *testing.T) {
	var out bytes.Buffer
	bar := newBulkProgress(&out, true)
	bar.show(bulkSum{jobs: 2, total: 200})
	bar.show(bulkSum{jobs: 2, ended: 1, handled: 150, total: 200})
	assert.Contains(t, out.String(), "1 of 2 jobs ended")
	assert.Contains(t, out.String(), "150/200")
	bar.show(bulkSum{jobs: 2, ended: 1, handled: 200, total: 200})
	bar.show(bulkSum{jobs: 2, ended: 1, handled: 250, total: 300})
	assert.Contains(t, out.String(), "250/300", "a total that grows")
	bar.clear()
	drawn := out.Len()
	bar.show(bulkSum{jobs: 2, ended: 2, handled: 300, total: 300})
	assert.Equal(t, drawn, out.Len(), "no bar stays behind the results")

	assert.False(t, isTerminal(&out))
	file, err := os.Create(filepath.Join(t.TempDir(), "log"))
	require.NoError(t, err)
	defer func() { _ = file.Close() }()
	assert.False(t, isTerminal(file))
}

func TestTerminalRecognized(t *testing.T) {
	terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("no terminal can be opened: %v", err)
	}
	defer func() { _ = terminal.Close() }()
	assert.True(t, isTerminal(terminal))
}

func TestBulkLinesFirstAfterInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		lines := newBulkProgress(&out, false)
		lines.show(bulkSum{jobs: 1, handled: 1, total: 2})
		assert.Empty(t, out.String(), "a short job needs no line")
		time.Sleep(bulkLinesEvery)
		lines.show(bulkSum{jobs: 1, handled: 1, total: 2})
		lines.show(bulkSum{jobs: 1, handled: 2, total: 2})
		assert.Equal(t, "1 of 2 deliveries handled, 0 of 1 jobs ended\n", out.String())
	})
}
