package postgres_test

import (
	"context"
	"errors"
	"maps"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/store"
	"redrive/pkg/store/postgres"
	"redrive/pkg/store/storetest"
	"redrive/pkg/testservers"
	"redrive/pkg/webhook"
)

// statements records the statements of the store.
type statements struct {
	mutex sync.Mutex
	said  []pgx.TraceQueryStartData
}

func (s *statements) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.said = append(s.said, data)
	return ctx
}

func (s *statements) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// of returns the statements of a call that have a plan.
func (s *statements) of(call func()) []pgx.TraceQueryStartData {
	s.said = nil
	call()
	s.mutex.Lock()
	defer s.mutex.Unlock()
	var planned []pgx.TraceQueryStartData
	for _, said := range s.said {
		verb, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(said.SQL)), " ")
		switch strings.TrimSpace(verb) {
		case "select", "update", "delete", "insert", "with":
			planned = append(planned, said)
		}
	}
	return planned
}

// TestPlansUseIndexes explains every frequent statement and checks the names of the indexes in its plan. With these indexes, a
// statement takes the same time with millions of rows.
func TestPlansUseIndexes(t *testing.T) {
	t.Parallel()
	url := testservers.Postgres(t)
	recorder := &statements{}
	opened, err := postgres.Open(postgres.Options{URL: url, MaxConnections: 1, Tracer: recorder}, storetest.Sealer(t))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, opened.Close()) })
	storetest.Migrated(t, opened)
	w := fill(t, opened)
	conn := connect(t, url)

	for name, c := range statementCalls(t.Context(), opened, w) {
		said := recorder.of(func() { require.NoError(t, c.call(), name) })
		require.NotEmpty(t, said, name)
		if c.indexes != nil {
			require.Len(t, said, len(c.indexes), "%s: %v", name, said)
		}
		for i, statement := range said {
			plan := explain(t, conn, statement)
			assert.NotContains(t, plan, "Seq Scan", "%s: %s\n%s", name, statement.SQL, plan)
			if c.indexes == nil {
				continue
			}
			for _, index := range c.indexes[i] {
				assert.Regexp(t, index, plan, "%s: %s\n%s", name, statement.SQL, plan)
			}
			if strings.HasPrefix(name, "list") && i == 0 {
				assert.NotContains(t, plan, "Sort", "%s: the index has the order already\n%s", name, plan)
			}
		}
	}
}

// statementCall is a call of the store, and the indexes that each of its statements uses.
type statementCall struct {
	call    func() error
	indexes [][]string // of each statement, as regular expressions
}

// From version 17 on, PostgreSQL reads a list of IDs also by the index of an organization.
const (
	eventsByID     = "events_pkey|events_by_organization"
	deliveriesByID = "deliveries_pkey|deliveries_by_organization"
)

// statementCalls are the frequent calls.
func statementCalls(ctx context.Context, opened *store.Store, w filled) map[string]statementCall {
	page, now := webhook.Page{Limit: 20, Offset: 40}, webhook.Now()
	after := webhook.Page{Limit: 20, After: w.failed.ID}
	calls := map[string]statementCall{
		"get a delivery": {
			func() error { _, err := opened.FindDelivery(ctx, "org", w.failed.ID); return err },
			[][]string{{"deliveries_by_organization", "events_pkey", "attempts_pkey"}},
		},
		"list deliveries": {
			func() error {
				_, err := opened.PageDeliveries(ctx, webhook.DeliveryFilter{OrganizationID: "org"}, page)
				return err
			},
			[][]string{{"deliveries_by_organization", "events_pkey", "attempts_pkey"}},
		},
		"list deliveries of an endpoint": {
			func() error {
				_, err := opened.PageDeliveries(ctx, webhook.DeliveryFilter{OrganizationID: "org", EndpointID: w.endpoint.ID}, page)
				return err
			},
			[][]string{{"deliveries_by_endpoint", "events_pkey", "attempts_pkey"}},
		},
		"list deliveries after a position": {
			func() error {
				_, err := opened.PageDeliveries(ctx, webhook.DeliveryFilter{OrganizationID: "org"}, after)
				return err
			},
			[][]string{{"deliveries_by_organization", "events_pkey", "attempts_pkey"}},
		},
		"list deliveries of an endpoint after a position": {
			func() error {
				_, err := opened.PageDeliveries(ctx, webhook.DeliveryFilter{OrganizationID: "org", EndpointID: w.endpoint.ID}, after)
				return err
			},
			[][]string{{"deliveries_by_endpoint", "events_pkey", "attempts_pkey"}},
		},
		"list deliveries without bodies": {
			func() error {
				_, err := opened.PageDeliveries(ctx, webhook.DeliveryFilter{OrganizationID: "org"}, webhook.Page{Limit: 20, WithoutBodies: true})
				return err
			},
			[][]string{{"deliveries_by_organization", "attempts_pkey"}},
		},
		"find an event with its endpoints": {
			func() error { _, err := opened.FindFanOut(ctx, "org", w.failed.EventID); return err },
			[][]string{{eventsByID}, {"deliveries_by_event"}, {"endpoints_by_organization", "deliveries_by_event"}, {"endpoint_changes"}, {"endpoints_pkey", "endpoint_changes_by_endpoint"}},
		},
		"cancel": {
			func() error {
				_, err := opened.CancelDelivery(ctx, webhook.Cancellation{OrganizationID: "org", DeliveryID: w.failed.ID, At: now})
				if errors.Is(err, webhook.ErrDeliveryNotWaiting) {
					return nil
				}
				return err
			},
			nil,
		},
		"list attempts after a position": {
			func() error {
				_, err := opened.PageAttempts(ctx, "org", w.failed.ID, webhook.Page{Limit: 20, After: w.failed.LastAttemptID})
				return err
			},
			[][]string{{"deliveries_by_organization"}, {"attempts_delivery_id_number_key"}},
		},
		"list attempts": {
			func() error { _, err := opened.PageAttempts(ctx, "org", w.failed.ID, page); return err },
			[][]string{{"deliveries_by_organization"}, {"attempts_delivery_id_number_key"}},
		},
		"size of a delivery": {
			func() error { _, err := opened.SizeDelivery(ctx, "org", w.failed.ID); return err },
			[][]string{{"deliveries_by_organization", "events_pkey", "attempts_pkey"}},
		},
		"read deliveries": {
			func() error {
				_, err := opened.ReadDeliveries(ctx, "org", []string{w.failed.ID, w.waiting.ID})
				return err
			},
			[][]string{{deliveriesByID, "events_pkey", "attempts_pkey"}},
		},
		"read attempts": {
			func() error { _, err := opened.ReadAttempts(ctx, "org", []string{w.failed.LastAttemptID}); return err },
			[][]string{{"attempts_pkey"}},
		},
		"list endpoints": {
			func() error {
				_, err := opened.ListEndpoints(ctx, webhook.EndpointFilter{OrganizationID: "org"}, page)
				return err
			},
			[][]string{{"endpoints_by_organization"}},
		},
		"whom an event concerns": {
			func() error { _, err := opened.ListActiveEndpoints(ctx, "org"); return err },
			[][]string{{"endpoints_by_organization"}},
		},
		"find a key": {
			func() error { _, err := opened.FindAPIKeyByHash(ctx, [32]byte{1}); return ignoreNotFound(err) },
			[][]string{{"api_keys_key_hash_key", "organizations_pkey"}},
		},
		"find keys": {
			func() error {
				_, errs := opened.FindIdentities(ctx, [][32]byte{{1}, {2}})
				return ignoreNotFound(errs[0])
			},
			[][]string{{"api_keys_key_hash_key", "organizations_pkey"}},
		},
		"find an organization": {
			func() error { _, err := opened.FindOrganization(ctx, "org"); return ignoreNotFound(err) },
			[][]string{{"organizations_pkey"}},
		},
		"count what waits": {
			func() error { _, err := opened.CountWaitingOf(ctx, "org", 10); return err },
			[][]string{{"deliveries_by_lane", "endpoints_by_organization"}},
		},
		"count what waits by status": {
			func() error { _, err := opened.CountWaitingBy(ctx, "org", "", 10); return err },
			[][]string{{"deliveries_by_lane", "endpoints_by_organization"}, {"deliveries_by_lane", "endpoints_by_organization", "deliveries_pkey"}},
		},
		"count what waits for an endpoint by status": {
			func() error { _, err := opened.CountWaitingBy(ctx, "org", w.endpoint.ID, 1000); return err },
			[][]string{{"deliveries_by_lane", "endpoints_"}},
		},
		"read statistics": {
			func() error {
				q := webhook.StatisticsQuery{OrganizationID: "org", Interval: webhook.IntervalDay, To: webhook.HourOf(now) + 1}
				_, _, err := opened.ReadStatistics(ctx, q)
				return err
			},
			[][]string{{"statistics_state_pkey"}, {"statistics_hours_pkey", "statistics_days_pkey", "statistics_deltas_pkey"}},
		},
		"lanes of an organization": {
			func() error { _, err := opened.ListLanesOf(ctx, "org", webhook.Lane{}, 10); return err },
			[][]string{{"deliveries_by_lane", "endpoints_by_organization"}},
		},
		"retry together": {
			func() error {
				both := []webhook.Retry{{OrganizationID: "org", DeliveryID: w.failed.ID, At: now}, {OrganizationID: "org", DeliveryID: w.waiting.ID, At: now}}
				_, errs := opened.RetryDeliveries(ctx, both)
				return errors.Join(ignoreNotFailed(errs[0]), ignoreNotFailed(errs[1]))
			},
			nil,
		},
		"retry": {
			func() error {
				_, err := opened.RetryDelivery(ctx, "org", w.failed.ID, now)
				return ignoreNotFailed(err)
			},
			nil, // any number of statements, each with an index scan
		},
	}
	maps.Copy(calls, searchCalls(ctx, opened, w))
	maps.Copy(calls, dispatcherCalls(ctx, opened, w))
	maps.Copy(calls, operatorCalls(ctx, opened, w))
	maps.Copy(calls, consoleCalls(ctx, opened, w))
	return calls
}
