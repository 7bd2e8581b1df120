package bench

import (
	"context"
	"fmt"
	"strings"
	"time"

	"redrive/pkg/webhook"
)

const (
	// rareRows is the number of rows that match a rare value. It is half of the small table, so that it is the same in both tables.
	rareRows = smallRows / 2
	// searchedDays is the number of days from the oldest row to the newest one.
	searchedDays = 30
	// runEvents and executionEvents are the numbers of consecutive events with the same run or execution.
	runEvents, executionEvents = 100, 500
)

// The values that searches use.
const (
	oftenType   = "bench.type.3"
	oldType     = "bench.type.old" // of the oldest tenth
	rareFlow    = "wf_rare"
	oftenFlow   = "wf_often" // of half of the types, including oftenType
	otherFlow   = "wf_other" // of the other half
	rareRun     = "run_rare" // of the oldest events
	searchedJob = "job_01J00000000000000000000000"
)

// searched is a grown database whose rows differ in every column that a search can select. The rows of each endpoint, type and status are
// spread over the whole table.
type searched struct {
	*grown
	began  time.Time     // the creation of row 0
	step   time.Duration // from the creation of one row to the next
	values *strings.Replacer
}

func startSearched(ctx context.Context, s *session, programs, name string, redisNumber, rows int) (*searched, error) {
	g, err := startGrown(ctx, s, programs, name, redisNumber, rows)
	if err != nil {
		return nil, err
	}
	g.body = fmt.Appendf(nil, `{"eventType":%q,"workflowId":"w","runId":"r","executionId":"e","data":{"status":"succeeded"}}`, eventType)
	const span = searchedDays * 24 * time.Hour
	t := &searched{grown: g, began: time.Now().Add(-span - time.Hour).Truncate(time.Second), step: (span / time.Duration(rows)).Truncate(time.Millisecond)}
	if err := t.fill(ctx); err != nil {
		return nil, err
	}
	return t, t.chooseValues(ctx)
}

func (t *searched) fill(ctx context.Context) error {
	id, err := t.template(ctx)
	if err != nil {
		return err
	}
	if err := t.copyRows(ctx, id); err != nil {
		return err
	}
	return t.fillStatistics(ctx)
}

// copyRows fills the tables with copies of a delivery.
func (t *searched) copyRows(ctx context.Context, deliveryID string) error {
	f := filling{
		database: t.database, deliveryID: deliveryID, count: t.rows, endpoints: t.endpoints, anew: true, sorted: true,
		further: searchedChanges(t.rows, t.endpoints), from: stampSQL(t.began, t.step),
	}
	return f.run(ctx)
}

// stampSQL computes the columns at and stamp of the row n: the time of its creation, and the first ten characters of a ULID of that time.
func stampSQL(began time.Time, step time.Duration) string {
	const digits, bits, first = 10, 5, 45 // the first digit has three bits
	var stamp []string
	for i := range digits {
		stamp = append(stamp, fmt.Sprintf("substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', ((ms >> %d) & 31)::integer + 1, 1)", first-bits*i))
	}
	// OFFSET 0 makes PostgreSQL compute each of them once per row.
	return fmt.Sprintf(`CROSS JOIN LATERAL (
	SELECT timestamptz 'epoch' + ms * interval '1 millisecond' AS at, %s AS stamp
	FROM (SELECT %d + n::bigint * %d AS ms OFFSET 0) m OFFSET 0
) s`, strings.Join(stamp, " || "), began.UnixMilli(), step.Milliseconds())
}

// spreadSQL is a number that is not correlated with other columns of the row n.
const spreadSQL = "(hashint4(n) & 1048575)"

// searchedChanges are the columns that differ in the copies.
func searchedChanges(rows int, endpoints []string) map[string]map[string]string {
	id := func(kind webhook.Kind) string {
		return "'" + string(kind) + "_' || s.stamp || lpad(upper(to_hex(n)), 16, '0')"
	}
	stride := rows / rareRows // one row in this many has a rare value
	pick := func(one string, every, offset int) string {
		return fmt.Sprintf("n %% %d = %d THEN %s", every, offset, one)
	}
	failed, pending, retrying := fmt.Sprintf("n %% %d = 0", stride), fmt.Sprintf("n %% %d = 1", 10*stride), fmt.Sprintf("n %% %d = %d", 10*stride, 5*stride+1)
	bad := failed + " OR " + retrying
	eventType := fmt.Sprintf("CASE WHEN n <= %d THEN '%s' ELSE 'bench.type.' || %s / 100 %% 10 END", rows/10, oldType, spreadSQL)
	return map[string]map[string]string{
		"events": {
			"id": id(webhook.KindEvent), "created_at": "s.at", "event_type": eventType,
			"workflow_id":  "CASE WHEN " + pick("'"+rareFlow+"'", stride, 1) + " WHEN " + spreadSQL + " / 100 % 10 < 5 THEN '" + oftenFlow + "' ELSE '" + otherFlow + "' END",
			"run_id":       fmt.Sprintf("CASE WHEN n <= %d THEN '%s' ELSE 'run_' || n / %d END", rareRows, rareRun, runEvents),
			"execution_id": fmt.Sprintf("'exec_' || n / %d", executionEvents),
		},
		"deliveries": {
			"endpoint_id": turnSQL(endpoints, spreadSQL),
			"id":          id(webhook.KindDelivery), "event_id": id(webhook.KindEvent), "created_at": "s.at", "updated_at": "s.at",
			"last_attempt_id": "CASE WHEN " + pending + " THEN '' ELSE " + id(webhook.KindAttempt) + " END",
			"status":          "CASE WHEN " + failed + " THEN 'failure' WHEN " + pending + " THEN 'pending' WHEN " + retrying + " THEN 'retrying' ELSE 'success' END",
			"next_retry_at":   "CASE WHEN " + pending + " OR " + retrying + " THEN now() + interval '1 day' END",
			"failed_at":       "CASE WHEN " + failed + " THEN s.at END",
			"failure_reason":  "CASE WHEN " + pick("'endpoint_disabled'", 10*stride, 0) + " ELSE '' END",
			"bulk_job_id":     fmt.Sprintf("CASE WHEN n %% %d <= 1 THEN '%s' ELSE '' END", 2*stride, searchedJob),
		},
		"attempts": {
			"id": id(webhook.KindAttempt), "delivery_id": id(webhook.KindDelivery), "started_at": "s.at",
			"outcome":         "CASE WHEN " + bad + " THEN 'failure' ELSE 'success' END",
			"response_status": "CASE WHEN " + pick("0", 20*stride, 0) + " WHEN " + bad + " THEN 500 ELSE 200 END",
			"error_code":      "CASE WHEN " + pick("'timeout'", 20*stride, 0) + " WHEN " + bad + " THEN 'http_status' ELSE '' END",
		},
	}
}

// chooseValues replaces the values in braces of a search.
func (t *searched) chooseValues(ctx context.Context) error {
	middle := t.began.Add(time.Duration(t.rows/2) * t.step)
	execution := fmt.Sprintf("exec_%d", t.rows/2/executionEvents)
	var event string
	err := t.database.pool.QueryRow(ctx, "SELECT id FROM events WHERE organization_id = $1 AND execution_id = $2 LIMIT 1", t.organization, execution).Scan(&event)
	if err != nil {
		return fmt.Errorf("choose an event to search for: %w", err)
	}
	t.values = strings.NewReplacer("{endpoint}", t.endpoints[3], "{event}", event, "{execution}", execution, "{job}", searchedJob,
		"{from}", middle.UTC().Format(time.RFC3339), "{to}", middle.Add(24*time.Hour).UTC().Format(time.RFC3339))
	return nil
}
