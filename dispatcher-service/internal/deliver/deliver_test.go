package deliver_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/dispatcher-service/internal/deliver"
	"redrive/pkg/testlog"
	"redrive/pkg/webhook"
)

func TestSuccess(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 5)
	d := w.publish()
	assert.Equal(t, deliver.Done(), w.deliver(d.ID))
	assert.Equal(t, webhook.StatusSuccess, w.find(d.ID).Delivery.Status)
	assert.Equal(t, []webhook.AttemptOutcome{webhook.AttemptSuccess}, w.attempts(d.ID))

	assert.Equal(t, deliver.Done(), w.deliver(d.ID), "a task that was left behind")
	assert.EqualValues(t, 1, w.sender.sent.Load())
}

func TestRetryFollows(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	d := w.publish()
	w.sender.status = 503
	verdict := w.deliver(d.ID)
	row := w.find(d.ID).Delivery
	assert.Equal(t, webhook.StatusRetrying, row.Status)
	assert.Equal(t, deliver.KindRetry, verdict.Kind)
	assert.Equal(t, row.NextRetryAt, verdict.At)
	assert.Equal(t, "the receiver answered 503 Service Unavailable; retry 1 of 2 follows", verdict.Reason)
}

func TestRetriesUsedUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0)
	d := w.publish()
	w.sender.failure = "the connection was refused"
	verdict := w.deliver(d.ID)
	assert.Equal(t, deliver.Verdict{Kind: deliver.KindDead, Reason: "the connection was refused"}, verdict)
	assert.Equal(t, webhook.StatusFailure, w.find(d.ID).Delivery.Status)

	again := w.deliver(d.ID)
	assert.Equal(t, deliver.KindDead, again.Kind, "run from the inspector, a dead letter stays one with its reason")
	assert.Contains(t, again.Reason, verdict.Reason)
	assert.EqualValues(t, 1, w.sender.sent.Load())
	assert.Equal(t, []webhook.AttemptOutcome{webhook.AttemptFailure}, w.attempts(d.ID))
}

func TestGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 5)
	d, next := w.publish(), w.publish()
	w.sender.status = 410
	assert.Equal(t, deliver.Verdict{Kind: deliver.KindDead, Reason: "the receiver answered 410 Gone"}, w.deliver(d.ID))

	assert.Equal(t, deliver.Done(), w.deliver(next.ID), "its endpoint is disabled now")
	assert.EqualValues(t, 1, w.sender.sent.Load())
	assert.Empty(t, w.attempts(next.ID))
	row := w.find(next.ID).Delivery
	assert.Equal(t, webhook.StatusFailure, row.Status)
	assert.Equal(t, webhook.FailureEndpointDisabled, row.FailureReason)
	assert.Equal(t, deliver.Done(), w.deliver(next.ID), "and again")
}

func TestGoneIsAudited(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 5)
	d, next := w.publish(), w.publish()
	log, sender := new(testlog.Buffer), &scripted{status: 410}
	options := options(w.store, sender)
	options.Log = slog.New(slog.NewJSONHandler(log, nil))
	deliverer := deliver.New(options, prometheus.NewRegistry())
	for _, id := range []string{d.ID, next.ID} {
		_, err := deliverer.Deliver(t.Context(), id, webhook.QueueDeliveries)
		require.NoError(t, err)
	}
	lines := log.Records("audit")
	require.Len(t, lines, 1)
	assert.Equal(t, []any{"system", "endpoint.disabled", d.EndpointID, org, "gone"},
		[]any{lines[0]["actor"], lines[0]["action"], lines[0]["subject"], lines[0]["organizationId"], lines[0]["reason"]})
}

func TestNoSuchDelivery(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 5)
	assert.Equal(t, deliver.Done(), w.deliver(webhook.NewID(webhook.KindDelivery, time.Now())))
	assert.Zero(t, w.sender.sent.Load())
}

func TestDeliverOtherQueueRemovesTask(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 5)
	d := w.publish(func(d *webhook.Delivery) { d.Queue = "bulk" })
	assert.Equal(t, deliver.Done(), w.deliver(d.ID))
	assert.Zero(t, w.sender.sent.Load())
	assert.Equal(t, d, w.find(d.ID).Delivery, "the task in the other queue serves it")
}

// Another run changes the row while this one is sending. The attempt is recorded and decides nothing, and the verdict follows from the row.
func TestSuperseded(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		maxRetries int
		status     int // the answer to the other run
		verdict    deliver.VerdictKind
		reason     string
	}{
		"success":  {5, 204, deliver.KindDone, ""},
		"retrying": {5, 500, deliver.KindRetry, "another run changed it; retry 1 of 5 follows"},
		"failure":  {0, 500, deliver.KindDead, "the receiver answered 500 Internal Server Error"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, c.maxRetries)
			d := w.publish()
			w.sender.status = 502
			w.sender.during = func(dispatch webhook.Dispatch) { w.record(dispatch.Delivery, c.status) }
			verdict := w.deliver(d.ID)

			record := w.find(d.ID)
			assert.Equal(t, c.status, record.LastAttempt.ResponseStatus)
			assert.Equal(t, d.Revision+1, record.Delivery.Revision)
			assert.Equal(t, deliver.Verdict{Kind: c.verdict, At: record.Delivery.NextRetryAt, Reason: c.reason}, verdict)
			assert.Len(t, w.attempts(d.ID), 2)
			assert.Equal(t, webhook.AttemptSuperseded, w.attempts(d.ID)[1])
		})
	}
}

// record records an outcome as another run in another process does.
func (w *world) record(d webhook.Delivery, status int) {
	outcome, err := webhook.Policy{}.Decide(d, webhook.Result{StartedAt: webhook.Now(), ResponseStatus: status}, webhook.Now())
	assert.NoError(w.t, err)
	_, failures := w.store.RecordOutcomes(context.Background(), []webhook.Outcome{outcome})
	assert.NoError(w.t, failures[0])
}

// While this run is sending, the other run fails for good and the delivery is retried by hand. The new set of retries must not change, and
// the task must run again immediately.
func TestManualRetryWhileSending(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0)
	d := w.publish()
	w.sender.status = 500
	w.sender.during = func(dispatch webhook.Dispatch) {
		w.record(dispatch.Delivery, 500)
		_, err := w.store.RetryDelivery(context.Background(), org, d.ID, webhook.Now())
		assert.NoError(t, err)
	}
	verdict := w.deliver(d.ID)
	row := w.find(d.ID).Delivery
	assert.Equal(t, webhook.StatusPending, row.Status)
	assert.Equal(t, deliver.KindSnooze, verdict.Kind)
	assert.False(t, verdict.At.After(time.Now()), "at once")
	assert.Equal(t, []webhook.AttemptOutcome{webhook.AttemptFailure, webhook.AttemptSuperseded}, w.attempts(d.ID))

	w.sender.during, w.sender.status = nil, 0
	assert.Equal(t, deliver.Done(), w.deliver(d.ID))
	assert.Equal(t, webhook.StatusSuccess, w.find(d.ID).Delivery.Status)
}

func TestContextEndsWhileSending(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 5)
	d := w.publish()
	ctx, cancel := context.WithCancel(t.Context())
	w.sender.during = func(webhook.Dispatch) { cancel() }
	verdict, err := newDeliverer(w.store, w.sender).Deliver(ctx, d.ID, webhook.QueueDeliveries)
	require.NoError(t, err)
	assert.Equal(t, deliver.Done(), verdict)
	assert.Equal(t, webhook.StatusSuccess, w.find(d.ID).Delivery.Status)
}

// The row of a dead letter is read even after the context has ended. Otherwise its task would lose the reason.
func TestContextEndsWhileFailing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0)
	d := w.publish()
	ctx, cancel := context.WithCancel(t.Context())
	w.sender.status = 500
	w.sender.during = func(dispatch webhook.Dispatch) {
		w.record(dispatch.Delivery, 500)
		cancel()
	}
	_, err := newDeliverer(w.store, w.sender).Deliver(ctx, d.ID, webhook.QueueDeliveries)
	assert.ErrorIs(t, err, context.Canceled, "the next run asks again")
	assert.Equal(t, []webhook.AttemptOutcome{webhook.AttemptFailure, webhook.AttemptSuperseded}, w.attempts(d.ID))
}
