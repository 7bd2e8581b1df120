package bench

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"redrive/deploy/bench/report"
	"redrive/pkg/webhook"
)

// detailMultiRow is the same with multi-row statements: as many rows as a batch has events.
const detailMultiRow = "many rows"

// inserter writes events with one delivery each, as in the real tables: one statement and one commit.
type inserter struct {
	database          *database
	event, delivery   template
	statement         string
	events, arguments int
}

// template is a row that was read. It is written again under other IDs.
type template struct {
	columns []string
	values  []any
}

func (t template) with(column string, value any) []any {
	values := slices.Clone(t.values)
	values[slices.Index(t.columns, column)] = value
	return values
}

// measureInserts writes into empty copies of our tables, over as many connections as publishing uses.
func measureInserts(ctx context.Context, s *session, d *database, c *customer) error {
	if _, err := c.publish(ctx, eventBody(eventType)); err != nil {
		return err
	}
	single, err := newInserter(ctx, d, 1)
	if err != nil {
		return err
	}
	s.progress.say("%s: %d events", rowInsert, s.amounts.publish)
	done, err := single.run(ctx, s.amounts.publish)
	if err != nil {
		return err
	}
	noteTally(&s.samples, rowInsert, done)
	many, err := newInserter(ctx, d, batchEvents)
	if err != nil {
		return err
	}
	s.progress.say("%s: %d events, %d in a statement", rowInsert, s.amounts.publishBatch, batchEvents)
	if done, err = many.run(ctx, s.amounts.publishBatch); err != nil {
		return err
	}
	s.samples.Add(report.Detail(rowInsert, detailMultiRow), done.rate())
	return d.exec(ctx, "DROP TABLE bare_events, bare_deliveries")
}

func newInserter(ctx context.Context, d *database, events int) (*inserter, error) {
	err := d.exec(ctx, "DROP TABLE IF EXISTS bare_events, bare_deliveries",
		"CREATE TABLE bare_events (LIKE events INCLUDING ALL)", "CREATE TABLE bare_deliveries (LIKE deliveries INCLUDING ALL)")
	if err != nil {
		return nil, err
	}
	n := &inserter{database: d, events: events}
	if n.event, err = readTemplate(ctx, d, "events"); err != nil {
		return nil, err
	}
	if n.delivery, err = readTemplate(ctx, d, "deliveries"); err != nil {
		return nil, err
	}
	eventRows, next := placeholders(len(n.event.columns), events, 1)
	deliveryRows, next := placeholders(len(n.delivery.columns), events, next)
	n.arguments = next - 1
	n.statement = fmt.Sprintf("WITH e AS (INSERT INTO bare_events (%s) VALUES %s) INSERT INTO bare_deliveries (%s) VALUES %s",
		strings.Join(n.event.columns, ", "), eventRows, strings.Join(n.delivery.columns, ", "), deliveryRows)
	return n, nil
}

// readTemplate reads one row of a table.
func readTemplate(ctx context.Context, d *database, table string) (template, error) {
	rows, err := d.pool.Query(ctx, "SELECT * FROM "+table+" LIMIT 1")
	if err != nil {
		return template{}, fmt.Errorf("read a row of %s: %w", table, err)
	}
	defer rows.Close()
	var t template
	for _, field := range rows.FieldDescriptions() {
		t.columns = append(t.columns, field.Name)
	}
	if !rows.Next() {
		return template{}, fmt.Errorf("read a row of %s: there is none: %w", table, rows.Err())
	}
	if t.values, err = rows.Values(); err != nil {
		return template{}, fmt.Errorf("read a row of %s: %w", table, err)
	}
	return t, nil
}

// placeholders returns the placeholders for a number of rows and columns, with the number of the first one.
func placeholders(columns, rows, first int) (list string, next int) {
	groups := make([]string, rows)
	for row := range groups {
		numbers := make([]string, columns)
		for column := range numbers {
			numbers[column] = fmt.Sprintf("$%d", first)
			first++
		}
		groups[row] = "(" + strings.Join(numbers, ", ") + ")"
	}
	return strings.Join(groups, ", "), first
}

func (n *inserter) run(ctx context.Context, count int) (tally, error) {
	statements := max(1, count/n.events)
	done, err := closedLoop(ctx, publishConnections, statements, func(ctx context.Context, _, _ int) error {
		events, deliveries := make([]any, 0, n.arguments), []any(nil)
		now := time.Now()
		for range n.events {
			id := webhook.NewID(webhook.KindEvent, now)
			events = append(events, n.event.with("id", id)...)
			delivery := template{n.delivery.columns, n.delivery.with("id", webhook.NewID(webhook.KindDelivery, now))}
			deliveries = append(deliveries, delivery.with("event_id", id)...)
		}
		if _, err := n.database.pool.Exec(ctx, n.statement, append(events, deliveries...)...); err != nil {
			return fmt.Errorf("insert an event: %w", err)
		}
		return nil
	})
	done.count = statements * n.events
	return done, err
}
