package deliver_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/dispatcher-service/internal/bulkhead"
	"redrive/dispatcher-service/internal/deliver"
	"redrive/pkg/testmetrics"
	"redrive/pkg/webhook"
)

var errNoDescriptors = errors.New("out of file descriptors")

// An attempt that was not made leaves the row unchanged, whatever its retries, and the endpoint's circuit closed.
func TestShortageMakesNoAttempt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0)
	d := w.publish()
	before := w.find(d.ID)
	w.sender.short = errNoDescriptors
	gate := newGate()
	o := options(w.store, w.sender)
	o.Gate = gate
	deliverer := deliver.New(o, prometheus.NewRegistry())
	defer deliverer.Abandon()
	require.NoError(t, deliverer.CheckResources(t.Context()))
	for range 50 {
		now := time.Now()
		verdict, err := deliverer.Deliver(t.Context(), d.ID, webhook.QueueDeliveries)
		require.NoError(t, err)
		assert.Equal(t, deliver.KindSnooze, verdict.Kind)
		assert.Equal(t, "no attempt was made: this dispatcher has run out of resources", verdict.Reason)
		assert.True(t, verdict.At.After(now))
	}
	assert.Equal(t, before, w.find(d.ID))
	assert.Empty(t, w.attempts(d.ID))
	assert.Empty(t, gate.Breakers(10))
	require.Error(t, deliverer.CheckResources(t.Context()))

	w.sender.short = nil
	verdict, err := deliverer.Deliver(t.Context(), d.ID, webhook.QueueDeliveries)
	require.NoError(t, err)
	assert.Equal(t, deliver.Done(), verdict)
	assert.Equal(t, []webhook.AttemptOutcome{webhook.AttemptSuccess}, w.attempts(d.ID))
}

// lone is a store of one delivery that is always pending.
type lone struct {
	deliver.Store
	dispatch webhook.Dispatch
}

func (l lone) LoadDispatches(_ context.Context, ids []string) ([]webhook.Dispatch, []error) {
	return each(ids, func(string) (webhook.Dispatch, error) { return l.dispatch, nil })
}

func (lone) Writable(context.Context) error { return nil }

func (lone) RecordOutcomes(_ context.Context, outcomes []webhook.Outcome) ([]webhook.Delivery, []error) {
	return each(outcomes, func(webhook.Outcome) (webhook.Delivery, error) { return webhook.Delivery{}, errAway })
}

// A shortage has one log line when it begins and one when it ends. The pauses in between grow, however many deliveries are affected.
func TestShortageIsLoggedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var text bytes.Buffer
		registry := prometheus.NewRegistry()
		log := slog.New(slog.NewTextHandler(&text, nil))
		endpoint, event := newEndpoint(0), newEvent()
		delivery := webhook.NewDelivery(event, endpoint, webhook.Now())
		sender := &scripted{short: errNoDescriptors}
		store := lone{dispatch: webhook.Dispatch{Delivery: delivery, Event: event, Endpoint: endpoint}}
		gate := bulkhead.New(bulkhead.Options{Workers: 1000, Log: log}, prometheus.NewRegistry())
		deliverer := deliver.New(deliver.Options{Store: store, Sender: sender, Gate: gate, Log: log}, registry)
		defer deliverer.Abandon()
		exhausted := func() float64 { return testmetrics.Sum(t, registry, "redrive_resources_exhausted") }

		for second := range 100 {
			verdict, err := deliverer.Deliver(t.Context(), delivery.ID, webhook.QueueDeliveries)
			require.NoError(t, err)
			want := min(max(time.Duration(second)*time.Second, 2*time.Second), 30*time.Second)
			assert.GreaterOrEqual(t, time.Until(verdict.At), want/2)
			assert.LessOrEqual(t, time.Until(verdict.At), want*3/2)
			assert.EqualValues(t, 1, exhausted())
			time.Sleep(time.Second)
		}
		assert.Equal(t, 1, strings.Count(text.String(), "\n"), text.String())
		assert.Contains(t, text.String(), "level=ERROR")
		assert.Contains(t, text.String(), errNoDescriptors.Error())
		require.Error(t, deliverer.CheckResources(t.Context())) // its lock also orders these reads of the log before the timer's write

		time.Sleep(time.Minute)
		synctest.Wait()
		assert.Zero(t, exhausted())
		require.NoError(t, deliverer.CheckResources(t.Context()))
		assert.Contains(t, text.String(), `level=INFO msg="process resources available again" postponed=100 seconds=99`)
		assert.Equal(t, 2, strings.Count(text.String(), "\n"), text.String())
		assert.EqualValues(t, 100, testmetrics.Sum(t, registry, "redrive_attempts_put_off_total"))
	})
}
