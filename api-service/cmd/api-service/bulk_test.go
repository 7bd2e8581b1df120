package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/guides"
	"redrive/pkg/lifecycle"
	"redrive/pkg/store"
	"redrive/pkg/testservers"
	"redrive/pkg/webhook"
)

func TestBulkArgumentsWrongExitCodeTwo(t *testing.T) {
	environ := []string{"DATABASE_URL=postgres://redrive@127.0.0.1:1/redrive"}
	const from = "--from 2026-11-20T12:00:00Z "
	for line, message := range map[string]string{
		"":                           "retry, replay and cancel",
		"deliver":                    "retry, replay and cancel",
		"frobnicate":                 "retry, replay and cancel",
		"retry":                      "at least one of --from, --to and --endpoint is required",
		"retry --organization org_a": "at least one of --from, --to and --endpoint is required",
		"retry --from yesterday":     "--from must be a time as RFC 3339 has it",
		"retry --to 2026-11-20":      "--to must be a time as RFC 3339 has it",
		"retry " + from + "--to 2026-11-20T12:00:00Z":            "--from must be before --to",
		"retry --from= --endpoint ep_01M7WV53ZTT50ZVB4VGFWDTC7B": "--from has no value",
		"retry " + from + "--organization=":                      "--organization has no value",
		"retry " + from + "--organization org/a":                 "organization",
		"retry " + from + "--endpoint dlv_1":                     "--endpoint must be the id",
		"retry " + from + "--frobnicate":                         "frobnicate",
		"retry " + from + "more":                                 `no argument "more"`,
		"cancel " + from + "--plan --cancel-on-interrupt":        "leave out --cancel-on-interrupt",
		"retry " + from + "--per-second -1":                      "perSecond must be a whole number between 0 and 5000",
		"retry " + from + "--per-second fast":                    "per-second",
	} {
		r := runWith(t, environ, append([]string{"bulk"}, strings.Fields(line)...)...)
		assert.Equal(t, 2, r.code, line)
		assert.Contains(t, r.stderr, message, line)
		assert.Equal(t, 1, strings.Count(r.stderr, "\n"), line)
		assert.Empty(t, r.stdout, line)
	}
	for _, args := range [][]string{{"bulk", "--help"}, {"bulk", "retry", "--help"}} {
		assert.Equal(t, result{0, usage, ""}, runWith(t, nil, args...))
	}
}

// bulkWorld is a database with two organizations that have failed deliveries.
type bulkWorld struct {
	store     *store.Store
	environ   []string
	endpoints map[string]webhook.Endpoint // by organization
}

const (
	bulkFrom = "2020-01-01T00:00:00Z"
	bulkTo   = "2100-01-01T00:00:00Z"
)

func newBulkWorld(t *testing.T) bulkWorld {
	t.Helper()
	url := testservers.Postgres(t)
	w := bulkWorld{environ: []string{"DATABASE_URL=" + url}, endpoints: map[string]webhook.Endpoint{}}
	require.Equal(t, 0, runWith(t, w.environ, "migrate").code)
	w.store = openWith(t, url, newKey(t))
	for organization, failed := range map[string]int{"org_a": 3, "org_b": 2, "org_empty": 0} {
		_, err := w.store.PutOrganization(t.Context(), organization, webhook.OrganizationChange{}, webhook.Now())
		require.NoError(t, err)
		spec := webhook.EndpointSpec{Name: "n", URL: "https://example.com"}
		w.endpoints[organization] = webhook.NewEndpoint(organization, "", spec, "whsec_a", webhook.Now())
		require.NoError(t, w.store.CreateEndpoint(t.Context(), w.endpoints[organization]))
		for range failed {
			w.fail(t, organization)
		}
	}
	return w
}

// fail makes a delivery that has failed.
func (w bulkWorld) fail(t *testing.T, organization string) {
	t.Helper()
	event := webhook.NewEvent(organization, webhook.EventSpec{Type: "run.finished", Data: []byte(`{}`)}, webhook.Now())
	delivery := webhook.NewDelivery(event, w.endpoints[organization], webhook.Now())
	require.NoError(t, w.store.CreateEvent(t.Context(), event, []webhook.Delivery{delivery}))
	failed, err := delivery.Failed(webhook.FailureExhausted, webhook.Now())
	require.NoError(t, err)
	_, err = w.store.FailDelivery(t.Context(), failed)
	require.NoError(t, err)
}

// dispatch makes steps as a dispatcher does until the test ends.
func (w bulkWorld) dispatch(t *testing.T) {
	t.Helper()
	var background lifecycle.Background
	background.Start(func(ctx context.Context) {
		for ctx.Err() == nil {
			leased, err := w.store.LeaseBulkJob(ctx, time.Minute)
			if err == nil && leased != nil {
				_, _ = w.store.StepBulkJob(ctx, leased) // the test waits for the end of the job
			}
			_ = lifecycle.Sleep(ctx, 5*time.Millisecond)
		}
	})
	t.Cleanup(func() { assert.NoError(t, background.Stop(context.WithoutCancel(t.Context()))) })
}

func (w bulkWorld) bulk(t *testing.T, args ...string) result {
	t.Helper()
	return runWith(t, w.environ, append([]string{"bulk"}, args...)...)
}

// jobs returns the jobs of an organization.
func (w bulkWorld) jobs(t *testing.T, organization string) []webhook.BulkJob {
	t.Helper()
	list, err := w.store.ListBulkJobs(t.Context(), organization, webhook.Page{Limit: 100})
	require.NoError(t, err)
	return list.Items
}

func (w bulkWorld) count(t *testing.T, organization string, status webhook.Status) int64 {
	t.Helper()
	spec := webhook.BulkSpec{OrganizationID: organization, Action: webhook.BulkReplay, Filter: map[string]string{"status": string(status)}}
	plan, err := w.store.PlanBulkJob(t.Context(), spec)
	require.NoError(t, err)
	return plan.Total
}

func TestBulkRetryAllOrganizationsOneJobEach(t *testing.T) {
	w := newBulkWorld(t)
	w.dispatch(t)
	r := w.bulk(t, "retry", "--from", bulkFrom, "--to", bulkTo, "--per-second", "300")
	require.Equal(t, 0, r.code, r.stderr)
	for organization, failed := range map[string]int{"org_a": 3, "org_b": 2} {
		jobs := w.jobs(t, organization)
		require.Len(t, jobs, 1)
		job := jobs[0]
		assert.Equal(t, webhook.BulkCompleted, job.Status)
		assert.Equal(t, "operator", job.CreatedBy)
		assert.Equal(t, map[string]string{"from": bulkFrom, "to": bulkTo}, job.Filter)
		assert.Equal(t, 300, job.PerSecond)
		assert.Contains(t, r.stdout, fmt.Sprintf("started %s of organization %s: %d deliveries\n", job.ID, organization, failed))
		assert.Contains(t, r.stdout, fmt.Sprintf("completed %s of organization %s: %d of %d handled, %d applied\n", job.ID, organization, failed, failed, failed))
		assert.Equal(t, int64(failed), w.count(t, organization, webhook.StatusPending))
	}
	assert.Empty(t, w.jobs(t, "org_empty"), "nothing matches there")
	assert.Empty(t, r.stderr)
	assert.Equal(t, result{0, "no delivery matches\n", ""}, w.bulk(t, "retry", "--from", bulkFrom))
}

func TestBulkOneOrganizationLeavesOthers(t *testing.T) {
	w := newBulkWorld(t)
	w.dispatch(t)
	require.Equal(t, 0, w.bulk(t, "retry", "--from", bulkFrom, "--organization", "org_b").code)
	assert.Len(t, w.jobs(t, "org_b"), 1)
	assert.Empty(t, w.jobs(t, "org_a"))

	require.Equal(t, 0, w.bulk(t, "cancel", "--endpoint", w.endpoints["org_b"].ID).code)
	assert.Equal(t, int64(2), w.count(t, "org_b", webhook.StatusFailure), "what waited is cancelled")
	require.Equal(t, 0, w.bulk(t, "replay", "--endpoint", w.endpoints["org_a"].ID).code)
	assert.Equal(t, int64(3), w.count(t, "org_a", webhook.StatusFailure))
	assert.Equal(t, int64(3), w.count(t, "org_a", webhook.StatusPending))
	skipped := w.bulk(t, "retry", "--endpoint", w.endpoints["org_b"].ID)
	assert.Contains(t, skipped.stdout, "2 of 2 handled, 0 applied, skipped: 2 cancelled\n")
}

func TestBulkPlanChangesNothing(t *testing.T) {
	w := newBulkWorld(t)
	r := w.bulk(t, "retry", "--from", bulkFrom, "--plan")
	require.Equal(t, 0, r.code, r.stderr)
	assert.Regexp(t, `^ORGANIZATION +DELIVERIES +OLDEST +NEWEST\norg_a +3 +\S+Z +\S+Z\norg_b +2 +\S+Z +\S+Z\n$`, r.stdout)

	lines := strings.Split(strings.TrimSpace(w.bulk(t, "retry", "--from", bulkFrom, "--plan", "--json").stdout), "\n")
	require.Len(t, lines, 2)
	var plan struct {
		OrganizationID, Action string
		Total                  int
		Exact                  bool
		Sample                 []string
	}
	require.NoError(t, json.Unmarshal([]byte(lines[1]), &plan))
	assert.Equal(t, "org_b", plan.OrganizationID)
	assert.Equal(t, "retry", plan.Action)
	assert.Equal(t, 2, plan.Total)
	assert.True(t, plan.Exact)
	assert.Len(t, plan.Sample, 2)
	assert.Empty(t, w.jobs(t, "org_a"))
	assert.Equal(t, int64(3), w.count(t, "org_a", webhook.StatusFailure))

	nothing := []string{"retry", "--to", bulkFrom, "--plan"}
	assert.Equal(t, result{0, "no delivery matches\n", ""}, w.bulk(t, nothing...))
	assert.Equal(t, result{0, "", ""}, w.bulk(t, append(nothing, "--json")...))
}

func TestBulkJSONOneObjectPerJob(t *testing.T) {
	w := newBulkWorld(t)
	w.dispatch(t)
	r := w.bulk(t, "replay", "--from", bulkFrom, "--json")
	require.Equal(t, 0, r.code, r.stderr)
	assert.Equal(t, 2, strings.Count(r.stderr, "started job_"), "text goes to the other stream")
	applied := map[string]int{}
	for line := range strings.Lines(r.stdout) {
		var job struct {
			ID, OrganizationID, Action, Status, CreatedBy string
			Total, Processed, Applied                     int
		}
		require.NoError(t, json.Unmarshal([]byte(line), &job))
		assert.Regexp(t, `^job_`, job.ID)
		assert.Equal(t, "replay completed operator", job.Action+" "+job.Status+" "+job.CreatedBy)
		assert.Equal(t, job.Total, job.Processed)
		applied[job.OrganizationID] = job.Applied
	}
	assert.Equal(t, map[string]int{"org_a": 3, "org_b": 2}, applied)
}

func TestBulkMissingAndDeletedRefused(t *testing.T) {
	w := newBulkWorld(t)
	require.Equal(t, 0, runWith(t, append(w.environ, "ERASURE_DELAY=24h"), "organizations", "delete", "org_b").code)
	const missing = "ep_01M7WV53ZTT50ZVB4VGFWDTC7B"
	for line, message := range map[string]string{
		"--organization org_none":                                        "there is no such organization",
		"--organization org_b":                                           "organization org_b is deleted: restore it first",
		"--endpoint " + missing:                                          "there is no endpoint " + missing,
		"--endpoint " + w.endpoints["org_b"].ID:                          "organization org_b is deleted",
		"--organization org_a --endpoint " + w.endpoints["org_empty"].ID: "there is no endpoint",
	} {
		r := w.bulk(t, append([]string{"retry", "--from", bulkFrom}, strings.Fields(line)...)...)
		assert.Equal(t, 1, r.code, line)
		assert.Contains(t, r.stderr, message, line)
		assert.Contains(t, r.stderr, "no job was started", line)
	}
	plan := w.bulk(t, "retry", "--from", bulkFrom, "--plan").stdout
	assert.Contains(t, plan, "org_a")
	assert.NotContains(t, plan, "org_b", "a job of a deleted organization handles nothing")

	early := runWith(t, []string{"DATABASE_URL=" + testservers.Postgres(t)}, "bulk", "retry", "--from", bulkFrom)
	assert.Equal(t, 1, early.code)
	assert.Contains(t, early.stderr, "api-service migrate")
}

func TestBulkOneOrganizationRefusedOthersGoOn(t *testing.T) {
	w := newBulkWorld(t)
	spec := webhook.BulkSpec{OrganizationID: "org_a", Action: webhook.BulkCancel, Filter: map[string]string{"to": bulkFrom}}
	for range webhook.MaxBulkJobs {
		_, err := w.store.CreateBulkJob(t.Context(), spec)
		require.NoError(t, err)
	}
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	var stdout, stderr bytes.Buffer
	code := run(ctx, []string{"bulk", "retry", "--from", bulkFrom}, w.environ, atText{&stdout, "started job_", interrupt}, &stderr)
	assert.Equal(t, 1, code)
	assert.Contains(t, stderr.String(), "no job for organization org_a: ")
	assert.Contains(t, stderr.String(), "10 unfinished bulk jobs")
	assert.Len(t, w.jobs(t, "org_b"), 1)
}

// atText calls a function after a text was written.
type atText struct {
	io.Writer
	text string
	do   func()
}

func (w atText) Write(p []byte) (int, error) {
	n, err := w.Writer.Write(p)
	if strings.Contains(string(p), w.text) {
		w.do()
	}
	return n, err
}

func TestBulkInterruptLeavesOrCancelsJobs(t *testing.T) {
	for name, test := range map[string]struct {
		flags  []string
		status webhook.BulkStatus
		says   string
	}{
		"leaves":  {nil, webhook.BulkRunning, "interrupted; 2 bulk jobs go on"},
		"cancels": {[]string{"--cancel-on-interrupt"}, webhook.BulkCancelled, "interrupted; 2 bulk jobs were cancelled"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newBulkWorld(t)
			ctx, interrupt := context.WithCancel(t.Context())
			defer interrupt()
			var stdout, stderr bytes.Buffer
			args := append([]string{"bulk", "retry", "--from", bulkFrom, "--json"}, test.flags...)
			code := run(ctx, args, w.environ, &stdout, atText{&stderr, "of organization org_b: 2 deliveries", interrupt})
			assert.Equal(t, 1, code)
			assert.Contains(t, stderr.String(), test.says)
			for _, organization := range []string{"org_a", "org_b"} {
				jobs := w.jobs(t, organization)
				require.Len(t, jobs, 1)
				assert.Equal(t, test.status, jobs[0].Status)
				path := "/v1/execution-webhooks/bulk-jobs/" + jobs[0].ID
				told := strings.Contains(stderr.String(), "GET "+path+"\n") && strings.Contains(stderr.String(), "POST "+path+"/cancel\n")
				assert.Equal(t, test.status == webhook.BulkRunning, told, stderr.String())
				assert.Contains(t, stdout.String(), `"id":"`+jobs[0].ID+`"`)
			}
			assert.Equal(t, 2, strings.Count(stdout.String(), `"status":"`+string(test.status)+`"`))
		})
	}
}

var bulkLine = regexp.MustCompile(`(?m)^bin/api-service (bulk .*)$`)

// TestGuidesBulkCommandsRun runs the lines of the guides, for a time and an endpoint that have deliveries.
func TestGuidesBulkCommandsRun(t *testing.T) {
	lines := map[string]int{}
	for _, guide := range guides.All() {
		text, err := guide.Markdown()
		require.NoError(t, err)
		found := bulkLine.FindAllStringSubmatch(string(text), -1)
		if len(found) == 0 {
			continue
		}
		lines[guide.Name] = len(found)
		w := newBulkWorld(t)
		w.dispatch(t)
		inTest := strings.NewReplacer("acme", "org_b", "ep_01M7WV53ZTT50ZVB4VGFWDTC7B", w.endpoints["org_a"].ID)
		for _, line := range found {
			args := strings.Fields(inTest.Replace(line[1]))
			for i, arg := range args[:len(args)-1] {
				switch arg {
				case "--from":
					args[i+1] = bulkFrom
				case "--to":
					args[i+1] = bulkTo
				}
			}
			r := runWith(t, w.environ, args...)
			assert.Equal(t, 0, r.code, "%s: %s: %s", guide.Name, line[1], r.stderr)
		}
		assert.Equal(t, int64(0), w.count(t, "org_a", webhook.StatusFailure), "the lines bring back everything")
	}
	assert.Equal(t, map[string]int{"bringing-back-an-outage": 4, "operations": 2}, lines)
}
