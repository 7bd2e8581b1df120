package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"redrive/api-service/internal/httpapi"
	"redrive/pkg/webhook"
)

// bulkOutput prints results and progress. With json, stdout gets the objects alone.
type bulkOutput struct {
	json   bool
	stdout io.Writer
	stderr io.Writer
	text   io.Writer // stdout, or stderr with json
	shown  bulkProgress
}

func newBulkOutput(asJSON bool, stdout, stderr io.Writer) *bulkOutput {
	o := &bulkOutput{json: asJSON, stdout: stdout, stderr: stderr, text: stdout, shown: newBulkProgress(stderr, isTerminal(stderr))}
	if asJSON {
		o.text = stderr
	}
	return o
}

// bulkPlanObject is a plan of the command as JSON shows it.
type bulkPlanObject struct {
	OrganizationID string            `json:"organizationId"`
	Action         string            `json:"action"`
	Filter         map[string]string `json:"filter"`
	httpapi.BulkPlanView
}

// plans prints what jobs would do.
func (o *bulkOutput) plans(planned []bulkPlanned) error {
	if o.json {
		for _, p := range planned {
			err := o.object(bulkPlanObject{p.spec.OrganizationID, string(p.spec.Action), p.spec.Filter, httpapi.ViewBulkPlan(p.BulkPlan)})
			if err != nil {
				return err
			}
		}
		return nil
	}
	if len(planned) == 0 {
		return o.nothing()
	}
	table := tabwriter.NewWriter(o.stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "ORGANIZATION\tDELIVERIES\tOLDEST\tNEWEST")
	for _, p := range planned {
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", p.spec.OrganizationID, p.count(), p.Oldest.Format(time.RFC3339), p.Newest.Format(time.RFC3339))
	}
	return table.Flush()
}

// count returns the number of deliveries, which may be a lower bound.
func (p bulkPlanned) count() string {
	if p.Exact {
		return fmt.Sprint(p.Total)
	}
	return fmt.Sprintf("at least %d", p.Total)
}

func (o *bulkOutput) nothing() error {
	_, err := fmt.Fprintln(o.text, "no delivery matches")
	return err
}

func (o *bulkOutput) started(job webhook.BulkJob, p bulkPlanned) {
	_, _ = fmt.Fprintf(o.text, "started %s of organization %s: %s deliveries\n", job.ID, job.OrganizationID, p.count())
}

// ended prints a job that has ended.
func (o *bulkOutput) ended(job webhook.BulkJob) {
	o.clear()
	if o.json {
		o.job(job)
		return
	}
	line := fmt.Sprintf("%s %s of organization %s: %d of %d handled, %d applied", job.Status, job.ID, job.OrganizationID, job.Processed, job.Total, job.Applied)
	if skipped := skippedOf(job); skipped != "" {
		line += ", skipped: " + skipped
	}
	_, _ = fmt.Fprintln(o.stdout, line)
}

// left prints a job that is still running, and how to watch and cancel it.
func (o *bulkOutput) left(job webhook.BulkJob) {
	o.clear()
	if o.json {
		o.job(job)
	}
	path := "/v1/execution-webhooks/bulk-jobs/" + job.ID
	_, _ = fmt.Fprintf(o.stderr, "%s of organization %s goes on. With a key of the organization, or a platform key and X-Org-ID:\n"+
		"  watch:  GET %s\n  cancel: POST %s/cancel\n", job.ID, job.OrganizationID, path, path)
}

func (o *bulkOutput) job(job webhook.BulkJob) {
	if err := o.object(httpapi.ViewBulkJob(job)); err != nil {
		o.note("bulk job %s cannot be printed: %v", job.ID, err)
	}
}

// object prints one line of JSON.
func (o *bulkOutput) object(value any) error {
	encoder := json.NewEncoder(o.stdout)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(value)
}

// note prints what the operator has to see.
func (o *bulkOutput) note(format string, args ...any) {
	o.clear()
	_, _ = fmt.Fprintf(o.stderr, format+"\n", args...)
}

func (o *bulkOutput) progress(jobs []webhook.BulkJob) { o.shown.show(sumOf(jobs)) }

func (o *bulkOutput) clear() { o.shown.clear() }

func skippedOf(job webhook.BulkJob) string {
	var reasons []string
	for _, reason := range slices.Sorted(maps.Keys(job.Skipped)) {
		reasons = append(reasons, fmt.Sprintf("%d %s", job.Skipped[reason], reason))
	}
	return strings.Join(reasons, ", ")
}

// plural returns a count with the text for one or for several.
func plural(n int, one, several string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, several)
}
