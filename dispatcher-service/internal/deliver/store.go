package deliver

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"

	"redrive/pkg/groupcommit"
	"redrive/pkg/observe"
	"redrive/pkg/profile"
	"redrive/pkg/tracing"
	"redrive/pkg/webhook"
)

// Store is the database: store.Store. A row that does not exist has code webhook.CodeNotFound. An error that a later try may
// not have has code webhook.CodeUnavailable.
type Store interface {
	Reader
	Writer
}

// Reader reads deliveries.
type Reader interface {
	// LoadDispatches returns a dispatch and an error for each ID, in their order.
	LoadDispatches(ctx context.Context, ids []string) ([]webhook.Dispatch, []error)
	// LoadData returns the data of each event, in the order of their IDs. It is for data that LoadDispatches omits.
	LoadData(ctx context.Context, eventIDs []string) ([]json.RawMessage, []error)
	// ReadAttempts returns attempts by their IDs. An attempt holds no more than the start of what a receiver answered.
	ReadAttempts(ctx context.Context, organizationID string, ids []string) ([]webhook.Attempt, error)
	// LoadEndpoints returns an endpoint as LoadDispatches does, and an error, for each ID.
	LoadEndpoints(ctx context.Context, ids []string) ([]webhook.Endpoint, []error)
}

// Writer records outcomes, ends and orphans. Each method returns the row after the call. The row is unchanged if its revision was not the
// expected one.
type Writer interface {
	// Writable returns nil if the database responds, accepts writes and has space for them.
	Writable(ctx context.Context) error
	// RecordOutcomes returns a row and an error for each outcome, in their order. Recording an outcome twice is harmless.
	RecordOutcomes(ctx context.Context, outcomes []webhook.Outcome) ([]webhook.Delivery, []error)
	FailDelivery(ctx context.Context, failed webhook.Delivery) (webhook.Delivery, error)
	CountOrphan(ctx context.Context, id string) (webhook.Delivery, error)
}

// linger is the least time between two batches of a busy process. It is short beside an attempt. When a backlog is drained it
// makes a statement serve about 25 deliveries rather than 3, which drains it twice as fast.
const linger = 5 * time.Millisecond

// groups are the group commits of loads and outcomes. Items that arrive while a statement runs form the next one.
type groups struct {
	loads     *groupcommit.Group[string, webhook.Dispatch]
	endpoints *groupcommit.Group[string, readEndpoint]
	outcomes  *groupcommit.Group[webhook.Outcome, webhook.Delivery]
}

// newGroups runs one statement of a kind at a time: two would be half as large each.
func newGroups(store Store, timeout time.Duration, log *slog.Logger, registry prometheus.Registerer) groups {
	sizes := observe.BatchSizes(registry, "load", "record")
	options := func(observe func(int)) groupcommit.Options {
		return groupcommit.Options{Timeout: timeout, Writers: 1, Linger: linger, Observe: observe}
	}
	return groups{
		loads:     groupcommit.New(during(profile.Load, loadDispatches(store)), options(sizes[0])),
		endpoints: groupcommit.New(during(profile.Load, loadEndpoints(store)), options(nil)),
		outcomes:  groupcommit.New(during(profile.Record, recordOutcomes(store, log)), options(sizes[1])),
	}
}

// during returns a write that is a step in profiles.
func during[T, R any](step profile.Step, write groupcommit.Write[T, R]) groupcommit.Write[T, R] {
	return func(ctx context.Context, items []T) ([]R, []error) {
		step.Begin()
		return write(ctx, items)
	}
}

// recordOutcomes records outcomes and writes an audit line for each endpoint that one of them disables.
func recordOutcomes(store Writer, log *slog.Logger) func(context.Context, []webhook.Outcome) ([]webhook.Delivery, []error) {
	return func(ctx context.Context, outcomes []webhook.Outcome) ([]webhook.Delivery, []error) {
		return store.RecordOutcomes(webhook.ObservingChanges(ctx, func(made webhook.EndpointChanged) {
			log.InfoContext(ctx, "audit", "actor", made.By, "action", made.AuditAction(), "subject", made.EndpointID,
				"organizationId", made.OrganizationID, "reason", made.Reason)
		}), outcomes)
	}
}

// load returns everything that an attempt of the delivery needs. The span belongs to the delivery, although the statement serves
// other deliveries too.
func (d *Deliverer) load(ctx context.Context, id string) (dispatch webhook.Dispatch, err error) {
	ctx, span := tracing.Child(ctx, "load", trace.SpanKindClient)
	defer func() { tracing.End(span, err) }()
	dispatch, err = d.groups.loads.Do(context.WithoutCancel(ctx), id)
	if err == nil && d.options.Loaded != nil {
		err = d.options.Loaded(ctx, dispatch)
	}
	return dispatch, err
}
