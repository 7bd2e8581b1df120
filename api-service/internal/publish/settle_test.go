package publish_test

import (
	"crypto/sha256"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/api-service/internal/metrics"
	"redrive/api-service/internal/publish"
	"redrive/pkg/webhook"
)

func keyed(key string) webhook.EventSpec {
	with := spec
	with.IdempotencyKey = key
	return with
}

func newPublisher(w *world) *publish.Publisher {
	return publish.New(w, w, metrics.New(prometheus.NewRegistry()), publish.Options{})
}

func TestPublishRecordedKeyReturnsFirstEvent(t *testing.T) {
	first := keyed("k").Idempotency()
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	w := &world{
		endpoints: []webhook.Endpoint{endpoint("ep_all")}, taken: 1,
		recorded:  map[[sha256.Size]byte]webhook.Recorded{first.Hash: {Fingerprint: first.Fingerprint, SubjectID: "evt_first", At: at}},
		published: map[string][]webhook.Delivery{"evt_first": {{ID: "dlv_first", EndpointID: "ep_old"}}},
	}
	published, err := newPublisher(w).Publish(t.Context(), "org_a", keyed("k"))
	require.NoError(t, err)
	assert.True(t, published.Duplicate)
	assert.Equal(t, "evt_first", published.Event.ID)
	assert.Equal(t, at, published.Event.CreatedAt)
	assert.Equal(t, w.published["evt_first"], published.Deliveries)
	assert.Empty(t, w.committed)
	assert.Empty(t, w.enqueued)
}

func TestPublishKeyOfOtherContentRefused(t *testing.T) {
	first := keyed("k").Idempotency()
	w := &world{taken: 1, recorded: map[[sha256.Size]byte]webhook.Recorded{first.Hash: {SubjectID: "evt_first"}}}
	_, err := newPublisher(w).Publish(t.Context(), "org_a", keyed("k"))
	var refused *webhook.Error
	require.ErrorAs(t, err, &refused)
	assert.Equal(t, "idempotency_key_reused", refused.Details[0].Reason)
}

// A key that is taken and not recorded belongs to a request in progress. The publisher creates the event if that request fails.
func TestPublishFirstRequestFailsSecondCreates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{endpoints: []webhook.Endpoint{endpoint("ep_all")}, taken: 4}
		published, err := newPublisher(w).Publish(t.Context(), "org_a", keyed("k"))
		require.NoError(t, err)
		assert.False(t, published.Duplicate)
		assert.Equal(t, published.Deliveries, w.committed)
		assert.Equal(t, published.Deliveries, w.enqueued)
	})
}

func TestPublishFirstRequestInProgressEndsAfterFiveSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{taken: 1 << 30}
		began := time.Now()
		_, err := newPublisher(w).Publish(t.Context(), "org_a", keyed("k"))
		require.ErrorIs(t, err, webhook.ErrIdempotencyInProgress)
		assert.InDelta(t, 5, time.Since(began).Seconds(), 0.3)
		results, err := newPublisher(w).PublishAll(t.Context(), "org_a", []webhook.EventSpec{keyed("k"), spec})
		require.ErrorIs(t, err, webhook.ErrIdempotencyInProgress)
		assert.Len(t, results, 2)
	})
}

func TestPublishAllMarksDuplicatesOnly(t *testing.T) {
	first := keyed("k").Idempotency()
	w := &world{
		endpoints: []webhook.Endpoint{endpoint("ep_all")}, taken: 1,
		recorded: map[[sha256.Size]byte]webhook.Recorded{first.Hash: {Fingerprint: first.Fingerprint, SubjectID: "evt_first"}},
	}
	results, err := newPublisher(w).PublishAll(t.Context(), "org_a", []webhook.EventSpec{keyed("k"), spec, keyed("new"), {}})
	require.NoError(t, err)
	assert.Equal(t, []bool{true, false, false, false}, []bool{results[0].Duplicate, results[1].Duplicate, results[2].Duplicate, results[3].Duplicate})
	assert.Error(t, results[3].Err)
	assert.Len(t, w.committed, 2)
}

func TestPublishKeyLookupFailsReturnsError(t *testing.T) {
	unavailable := webhook.Unavailable(time.Second, errors.New("unavailable"))
	w := &world{taken: 1, broken: map[string]error{"find key": unavailable}}
	_, err := newPublisher(w).Publish(t.Context(), "org_a", keyed("k"))
	require.ErrorIs(t, err, unavailable)
}
