package storetest

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

func testRetrySameRecord(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	before := w.failed()
	now := start.Add(time.Hour)

	want, err := before.Retried(now)
	require.NoError(t, err)
	record, err := s.RetryDelivery(w.ctx, org, before.ID, now)
	require.NoError(t, err)
	assert.Equal(t, want, record.Delivery, "the statement does what the domain says")
	require.NotNil(t, record.LastAttempt)
	assert.Equal(t, 500, record.LastAttempt.ResponseStatus, "the last answer stays until the next replaces it")
	assert.Equal(t, record, w.find(before.ID))

	_, err = s.RetryDelivery(w.ctx, org, before.ID, now)
	assert.ErrorIs(t, err, webhook.ErrDeliveryNotFailed)
}

// A retry with a limit of bytes has no effect on a delivery with a larger record.
func testRetryLargeRecord(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	failed, other := w.failed(), w.failed()
	sized, err := s.SizeDelivery(w.ctx, org, failed.ID)
	require.NoError(t, err)
	retry := webhook.Retry{OrganizationID: org, DeliveryID: failed.ID, At: start.Add(time.Hour), MaxBytes: sized.Bytes - 1}
	unlimited := webhook.Retry{OrganizationID: org, DeliveryID: other.ID, At: start.Add(time.Hour)}

	_, errs := s.RetryDeliveries(w.ctx, []webhook.Retry{retry, unlimited})
	require.ErrorIs(t, errs[0], webhook.ErrRecordLarge)
	require.NoError(t, errs[1])
	require.Equal(t, failed, w.find(failed.ID).Delivery)

	retry.MaxBytes++
	records, errs := s.RetryDeliveries(w.ctx, []webhook.Retry{retry})
	require.NoError(t, errs[0])
	assert.Equal(t, records[0], w.find(failed.ID))

	_, errs = s.RetryDeliveries(w.ctx, []webhook.Retry{retry})
	require.ErrorIs(t, errs[0], webhook.ErrDeliveryNotFailed)
	retry.DeliveryID = webhook.NewID(webhook.KindDelivery, start)
	_, errs = s.RetryDeliveries(w.ctx, []webhook.Retry{retry})
	requireNotFound(t, errs[0])
}

func testRetryOnlyFailures(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	_, pending := w.publish()
	_, retrying := w.publish()
	retrying, _ = w.attempt(retrying, 500)
	_, success := w.publish()
	success, _ = w.attempt(success, 200)
	for _, d := range []webhook.Delivery{pending, retrying, success} {
		_, err := s.RetryDelivery(w.ctx, org, d.ID, start)
		require.ErrorIs(t, err, webhook.ErrDeliveryNotFailed, "%s", d.Status)
		assert.Equal(t, d, w.find(d.ID).Delivery)
	}
	_, err := s.RetryDelivery(w.ctx, org, webhook.NewID(webhook.KindDelivery, start), start)
	requireNotFound(t, err)
}

func testRetryOneOfMany(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	d := w.failed()
	var won, refused atomic.Int32
	var group sync.WaitGroup
	for range 50 {
		group.Go(func() {
			_, err := s.RetryDelivery(w.ctx, org, d.ID, start.Add(time.Hour))
			switch {
			case err == nil:
				won.Add(1)
			case errors.Is(err, webhook.ErrDeliveryNotFailed):
				refused.Add(1)
			default:
				t.Errorf("retry: %v", err)
			}
		})
	}
	group.Wait()
	assert.EqualValues(t, 1, won.Load())
	assert.EqualValues(t, 49, refused.Load())
	assert.Equal(t, d.Revision+1, w.find(d.ID).Delivery.Revision)
}

func testRetryDisabledEndpoint(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	d := w.failed()
	_, err := SetStatus(w.ctx, s, org, w.endpoint.ID, webhook.EndpointDisabled, start)
	require.NoError(t, err)
	_, err = s.RetryDelivery(w.ctx, org, d.ID, start)
	require.ErrorIs(t, err, webhook.ErrEndpointDisabled)
	assert.Equal(t, d, w.find(d.ID).Delivery)

	_, err = SetStatus(w.ctx, s, org, w.endpoint.ID, webhook.EndpointActive, start)
	require.NoError(t, err)
	_, err = s.RetryDelivery(w.ctx, org, d.ID, start)
	assert.NoError(t, err)
}

func testRetryTogether(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	first, second, theirs := w.failed(), w.failed(), w.failed()
	_, pending := w.publish()
	unknown := webhook.NewID(webhook.KindDelivery, start)
	now := start.Add(time.Hour)
	retry := func(id string) webhook.Retry { return webhook.Retry{OrganizationID: org, DeliveryID: id, At: now} }
	records, failures := s.RetryDeliveries(w.ctx, []webhook.Retry{
		retry(second.ID), retry(unknown), retry(first.ID), retry(pending.ID), retry(second.ID),
		{OrganizationID: "org_else", DeliveryID: theirs.ID, At: now},
	})
	for i, before := range map[int]webhook.Delivery{0: second, 2: first} {
		require.NoError(t, failures[i])
		want, err := before.Retried(now)
		require.NoError(t, err)
		assert.Equal(t, want, records[i].Delivery, "the statement does what the domain says")
		require.NotNil(t, records[i].LastAttempt)
		assert.Equal(t, w.find(before.ID), records[i])
	}
	requireNotFound(t, failures[1])
	require.ErrorIs(t, failures[3], webhook.ErrDeliveryNotFailed)
	require.ErrorIs(t, failures[4], webhook.ErrDeliveryNotFailed, "twice in one batch")
	requireNotFound(t, failures[5])
	assert.Equal(t, theirs, w.find(theirs.ID).Delivery)

	_, err := SetStatus(w.ctx, s, org, w.endpoint.ID, webhook.EndpointDisabled, start)
	require.NoError(t, err)
	_, failures = s.RetryDeliveries(w.ctx, []webhook.Retry{retry(theirs.ID), retry(first.ID)})
	require.ErrorIs(t, failures[0], webhook.ErrEndpointDisabled)
	require.ErrorIs(t, failures[1], webhook.ErrDeliveryNotFailed)
}

// testRetryTogetherOneOfMany retries the same deliveries concurrently in different orders. Each is retried once, without a deadlock.
func testRetryTogetherOneOfMany(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	const many = 8
	retries := make([]webhook.Retry, many)
	for i := range retries {
		retries[i] = webhook.Retry{OrganizationID: org, DeliveryID: w.failed().ID, At: start.Add(time.Hour)}
	}
	var won atomic.Int32
	var group sync.WaitGroup
	for turn := range many {
		group.Go(func() {
			mine := append(append([]webhook.Retry{}, retries[turn:]...), retries[:turn]...)
			_, failures := s.RetryDeliveries(w.ctx, mine)
			for _, err := range failures {
				if err == nil {
					won.Add(1)
				} else {
					assert.ErrorIs(t, err, webhook.ErrDeliveryNotFailed)
				}
			}
		})
	}
	group.Wait()
	assert.EqualValues(t, many, won.Load())
}
