package storetest

import (
	"context"
	"crypto/sha256"
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

// keyed returns an event with deliveries and an idempotency key, which is not stored.
func (w world) keyed(key, content string, deliveries int) webhook.Publication {
	p := w.publication(deliveries)
	p.Event.CreatedAt = webhook.Now()
	for i := range p.Deliveries {
		p.Deliveries[i].CreatedAt = p.Event.CreatedAt
	}
	made := webhook.NewIdempotencyKey(key, []byte(content))
	p.Key = &made
	return p
}

func (w world) recorded(key string) (webhook.Recorded, bool) {
	w.t.Helper()
	hash := webhook.NewIdempotencyKey(key).Hash
	found, err := w.store.FindRecorded(w.ctx, org, [][sha256.Size]byte{hash, {1}})
	require.NoError(w.t, err)
	recorded, ok := found[hash]
	return recorded, ok
}

// testKeyedEvents creates events with keys. An event whose key is taken is not created, and neither are its deliveries.
func testKeyedEvents(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	first, again, plain := w.keyed("a", "1", 2), w.keyed("a", "1", 2), w.publication(1)
	second := w.keyed("b", "1", 1)
	failures := s.CreateEvents(w.ctx, []webhook.Publication{first, plain, again, second})
	require.NoError(t, failures[0])
	require.NoError(t, failures[1])
	require.ErrorIs(t, failures[2], webhook.ErrIdempotencyKeyTaken, "two with one key at once")
	require.NoError(t, failures[3])
	failures = s.CreateEvents(w.ctx, []webhook.Publication{again, w.keyed("b", "2", 1), w.publication(0)})
	require.ErrorIs(t, failures[0], webhook.ErrIdempotencyKeyTaken)
	require.ErrorIs(t, failures[1], webhook.ErrIdempotencyKeyTaken)
	require.NoError(t, failures[2])
	_, err := s.FindDelivery(w.ctx, org, again.Deliveries[0].ID)
	requireNotFound(t, err)

	recorded, found := w.recorded("a")
	require.True(t, found)
	require.Equal(t, webhook.Recorded{Fingerprint: first.Key.Fingerprint, SubjectID: first.Event.ID, At: first.Event.CreatedAt}, recorded)
	foreign, err := s.FindRecorded(w.ctx, other, [][sha256.Size]byte{first.Key.Hash})
	require.NoError(t, err)
	require.Empty(t, foreign, "keys belong to one organization")

	replay := webhook.NewDelivery(first.Event, w.endpoint, first.Event.CreatedAt.Add(time.Second))
	require.NoError(t, s.CreateDelivery(w.ctx, replay))
	published, err := s.ListPublished(w.ctx, org, []string{first.Event.ID, second.Event.ID, again.Event.ID})
	require.NoError(t, err)
	require.Len(t, published, 2)
	require.Len(t, published[first.Event.ID], 2, "a replay was not published")
	require.Equal(t, min(first.Deliveries[0].ID, first.Deliveries[1].ID), published[first.Event.ID][0].ID, "in the order of the IDs")
	require.Equal(t, w.endpoint.ID, published[first.Event.ID][0].EndpointID)
}

// testKeyedEventsConcurrent publishes with one key many times at once. One event exists afterwards, and no call waits for another.
func testKeyedEventsConcurrent(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	const callers = 20
	failures := make([]error, callers)
	var calls sync.WaitGroup
	for i := range callers {
		calls.Go(func() {
			failures[i] = s.CreateEvents(w.ctx, []webhook.Publication{w.keyed("k", "1", 1), w.publication(1)})[0]
		})
	}
	calls.Wait()
	created := 0
	for _, err := range failures {
		if err == nil {
			created++
			continue
		}
		require.ErrorIs(t, err, webhook.ErrIdempotencyKeyTaken)
	}
	require.Equal(t, 1, created)
}

// testKeyedEventFails leaves the key usable after an event that was refused.
func testKeyedEventFails(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	_, taken := w.publish()
	broken := w.keyed("k", "1", 1)
	broken.Deliveries[0].ID = taken.ID
	failures := s.CreateEvents(w.ctx, []webhook.Publication{broken, w.keyed("other", "1", 1)})
	require.Error(t, failures[0])
	require.NotErrorIs(t, failures[0], webhook.ErrIdempotencyKeyTaken)
	require.NoError(t, failures[1])
	_, found := w.recorded("k")
	require.False(t, found)
	require.NoError(t, s.CreateEvents(w.ctx, []webhook.Publication{w.keyed("k", "1", 1)})[0])
}

// testKeysExpire reuses a key after its lifetime, and purges what has expired.
func testKeysExpire(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	now := webhook.Now()
	create := func(key string, at time.Time) error {
		p := w.keyed(key, "1", 0)
		p.Event.CreatedAt = at
		return s.CreateEvents(w.ctx, []webhook.Publication{p})[0]
	}
	require.NoError(t, create("old", now.Add(-36*time.Hour)))
	_, found := w.recorded("old")
	require.False(t, found, "it has expired")
	require.NoError(t, create("old", now.Add(-11*time.Hour)))
	require.ErrorIs(t, create("old", now), webhook.ErrIdempotencyKeyTaken)
	require.NoError(t, create("older", now.Add(-26*time.Hour)))
	require.NoError(t, create("oldest", now.Add(-27*time.Hour)))

	purged, err := s.PurgeIdempotencyKeys(w.ctx, now.Add(-24*time.Hour), 1)
	require.NoError(t, err)
	require.EqualValues(t, 1, purged)
	purged, err = s.PurgeIdempotencyKeys(w.ctx, now.Add(-24*time.Hour), 10)
	require.NoError(t, err)
	require.EqualValues(t, 1, purged)
	_, found = w.recorded("old")
	require.True(t, found)
}

func callFor(key string, answer func(any) ([]byte, error)) *webhook.Call {
	return &webhook.Call{OrganizationID: org, IdempotencyKey: webhook.NewIdempotencyKey(key, []byte("call")), At: webhook.Now(), Answer: answer}
}

// testCallsRecorded records calls in the transaction of their effect. A second write with the key has no effect.
func testCallsRecorded(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	failed := w.failed()
	var made any
	answer := func(m any) ([]byte, error) { made = m; return []byte(`{"secret":1}`), nil }
	with := func(key string, answer func(any) ([]byte, error)) context.Context {
		return webhook.WithCall(w.ctx, callFor(key, answer))
	}
	endpoint := webhook.NewEndpoint(org, "key_x", webhook.EndpointSpec{Name: "n", URL: "https://example.com"}, "whsec_two", start)
	key, raw := webhook.NewAPIKey(webhook.APIKeySpec{OrganizationID: org, Name: "n", Scope: webhook.ScopeRead}, start)
	key.Raw = raw
	replay := webhook.NewDelivery(w.find(failed.ID).Event, w.endpoint, start)
	for name, c := range map[string]struct {
		subject string
		answer  func(any) ([]byte, error)
		write   func(ctx context.Context) error
		check   func()
	}{
		"create an endpoint": {endpoint.ID, answer, func(ctx context.Context) error { return s.CreateEndpoint(ctx, endpoint) }, func() {
			assert.Equal(t, webhook.Secret("whsec_two"), made.(webhook.Endpoint).SigningSecrets[0].Value)
		}},
		"rotate a secret": {w.endpoint.ID, answer, func(ctx context.Context) error {
			_, err := s.ChangeEndpoint(ctx, org, w.endpoint.ID, webhook.RegeneratingSecret("key_x", "whsec_three", time.Hour, start))
			return err
		}, func() {
			assert.Equal(t, webhook.Secret("whsec_three"), made.(webhook.Endpoint).SigningSecrets[0].Value)
		}},
		"create an API key": {key.ID, answer, func(ctx context.Context) error { return s.IssueAPIKey(ctx, key) }, func() {
			assert.Equal(t, raw, made.(webhook.APIKey).Raw)
		}},
		"retry":  {failed.ID, nil, func(ctx context.Context) error { _, err := s.RetryDelivery(ctx, org, failed.ID, start); return err }, func() {}},
		"replay": {replay.ID, nil, func(ctx context.Context) error { return s.CreateDelivery(ctx, replay) }, func() {}},
	} {
		made = nil
		require.NoError(t, c.write(with(name, c.answer)), name)
		c.check()
		recorded, found := w.recorded(name)
		require.True(t, found, name)
		require.Equal(t, c.subject, recorded.SubjectID, name)
		if c.answer != nil {
			require.JSONEq(t, `{"secret":1}`, string(recorded.Answer), name)
		} else {
			require.Empty(t, recorded.Answer, name)
		}
	}
	second := webhook.NewEndpoint(org, "key_x", webhook.EndpointSpec{Name: "n", URL: "https://example.com"}, "whsec_x", start)
	require.ErrorIs(t, s.CreateEndpoint(with("create an endpoint", answer), second), webhook.ErrIdempotencyKeyTaken)
	_, err := s.FindEndpoint(w.ctx, org, second.ID)
	requireNotFound(t, err)
	require.ErrorIs(t, s.CreateEvents(w.ctx, []webhook.Publication{w.keyed("retry", "1", 0)})[0], webhook.ErrIdempotencyKeyTaken, "all kinds share the keys")
}

// testAuditTakenOnce records the audit line of a call. Of many callers one takes it, and it is not in the record any more.
func testAuditTakenOnce(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	line := []byte(`{"action":"endpoint.created"}`)
	owing := callFor("pending", nil)
	owing.Audit = line
	require.NoError(t, s.CreateEndpoint(webhook.WithCall(w.ctx, owing), endpointNamed("pending")))
	require.NoError(t, s.CreateEndpoint(webhook.WithCall(w.ctx, callFor("silent", nil)), endpointNamed("silent")))
	recorded, _ := w.recorded("pending")
	require.Equal(t, line, recorded.Audit)
	recorded, _ = w.recorded("silent")
	require.Empty(t, recorded.Audit)

	var taken atomic.Int64
	var callers sync.WaitGroup
	for range 10 {
		callers.Go(func() {
			mine, err := s.TakeAudit(w.ctx, org, owing.Hash)
			assert.NoError(t, err)
			if mine {
				taken.Add(1)
			}
		})
	}
	callers.Wait()
	require.EqualValues(t, 1, taken.Load())
	recorded, found := w.recorded("pending")
	require.True(t, found, "the record stays")
	require.Empty(t, recorded.Audit)
	mine, err := s.TakeAudit(w.ctx, org, callFor("silent", nil).Hash)
	require.NoError(t, err)
	require.False(t, mine, "it has no pending line")
}

func endpointNamed(name string) webhook.Endpoint {
	return webhook.NewEndpoint(org, "", webhook.EndpointSpec{Name: name, URL: "https://example.com"}, "whsec_x", start)
}

// testCallsWithoutEffect leaves the keys of calls usable that had no effect.
func testCallsWithoutEffect(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	_, pending := w.publish()
	_, err := s.RetryDelivery(webhook.WithCall(w.ctx, callFor("k", nil)), org, pending.ID, start)
	require.ErrorIs(t, err, webhook.ErrDeliveryNotFailed)
	broken := errors.New("broken")
	endpoint := webhook.NewEndpoint(org, "", webhook.EndpointSpec{Name: "n", URL: "https://example.com"}, "whsec_x", start)
	unencodable := callFor("k", func(any) ([]byte, error) { return nil, broken })
	require.ErrorIs(t, s.CreateEndpoint(webhook.WithCall(w.ctx, unencodable), endpoint), broken)
	_, err = s.FindEndpoint(w.ctx, org, endpoint.ID)
	requireNotFound(t, err)
	_, found := w.recorded("k")
	require.False(t, found)
}

// testResealAnswers reseals recorded answers with the newest key.
func testResealAnswers(t *testing.T, open func(store.Sealer) *store.Store) {
	older, newest := newKey(t), newKey(t)
	s := open(ring(t, older))
	w := sealedWorld(t, s, 1)
	for i, key := range []string{"a", "b", "c"} {
		endpoint := webhook.NewEndpoint(org, "", webhook.EndpointSpec{Name: "n", URL: "https://example.com"}, "whsec_x", start)
		call := callFor(key, func(any) ([]byte, error) { return []byte{byte('0' + i)}, nil })
		require.NoError(t, s.CreateEndpoint(webhook.WithCall(t.Context(), call), endpoint))
	}
	both := open(ring(t, newest+","+older))
	changed := 0
	for after, batches := "", 0; ; batches++ {
		batch, err := both.ResealAnswers(t.Context(), after, 2)
		require.NoError(t, err)
		require.Empty(t, batch.Unreadable)
		changed += batch.Changed
		if after = batch.Last; after == "" {
			break
		}
		require.Less(t, batches, 3)
	}
	require.Equal(t, 3, changed)
	_, err := both.ResealEndpoints(t.Context(), "", 100)
	require.NoError(t, err)

	w.store = open(ring(t, newest))
	recorded, found := w.recorded("b")
	require.True(t, found)
	require.Equal(t, "1", string(recorded.Answer))
	missing, err := w.store.MissingKeys(t.Context())
	require.NoError(t, err)
	require.Empty(t, missing)
	missing, err = open(ring(t, older)).MissingKeys(t.Context())
	require.NoError(t, err)
	require.Len(t, missing, 1)
}
