package storetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

// merge merges all deltas, in batches.
func merge(t testing.TB, s *store.Store, limit int) {
	t.Helper()
	require.NoError(t, mergeAll(t.Context(), s, limit))
}

func mergeAll(ctx context.Context, s *store.Store, limit int) error {
	var after store.DeltaPosition
	for {
		merged, err := s.MergeStatistics(ctx, after, limit)
		if err != nil || !merged.More {
			return err
		}
		after = merged.After
	}
}

// statisticsDay is the day of the tests of statistics.
var statisticsDay = time.Date(2024, 5, 6, 0, 0, 0, 0, time.UTC)

// read returns what was counted in the two days from statisticsDay on, by the beginning of an interval.
func readStatistics(t testing.TB, s *store.Store, interval webhook.Interval, endpointID, eventType string) map[time.Time]webhook.Counts {
	t.Helper()
	from := webhook.HourOf(statisticsDay)
	q := webhook.StatisticsQuery{
		OrganizationID: org, EndpointID: endpointID, EventType: eventType, Interval: interval, From: from, To: from + 48,
	}
	counted, since, err := s.ReadStatistics(t.Context(), q)
	require.NoError(t, err)
	require.NotNil(t, since, "a new database counts everything")
	read := map[time.Time]webhook.Counts{}
	for _, interval := range q.Statistics(counted, since, statisticsDay.Add(time.Hour*48)).Series {
		if interval.Created+interval.Events+interval.Attempts+interval.Failed > 0 {
			read[interval.Start] = interval.Counts
		}
	}
	return read
}

// countModel counts as the contract says, with a list of what has happened.
type countModel struct{ happened []happening }

// happening is one event, creation, attempt or end.
type happening struct {
	endpointID, eventType string
	at                    time.Time
	counts                webhook.Counts
}

func (m *countModel) add(endpointID, eventType string, at time.Time, counts webhook.Counts) {
	m.happened = append(m.happened, happening{endpointID, eventType, at, counts})
}

// of returns what the statistics must be.
func (m *countModel) of(length time.Duration, endpointID, eventType string) map[time.Time]webhook.Counts {
	want := map[time.Time]webhook.Counts{}
	for _, h := range m.happened {
		if endpointID != "" && h.endpointID != endpointID || eventType != "" && h.eventType != eventType {
			continue
		}
		start := h.at.Truncate(length)
		counts := want[start]
		counts.Add(h.counts)
		want[start] = counts
	}
	return want
}

// equalStatistics compares the statistics of every endpoint and event type with the model.
func equalStatistics(t testing.TB, s *store.Store, m *countModel, endpoints, types []string) {
	t.Helper()
	for _, endpointID := range append(endpoints, "") {
		for _, eventType := range append(types, "") {
			require.Equal(t, m.of(time.Hour, endpointID, eventType), readStatistics(t, s, webhook.IntervalHour, endpointID, eventType), "%q %q by hour", endpointID, eventType)
			require.Equal(t, m.of(24*time.Hour, endpointID, eventType), readStatistics(t, s, webhook.IntervalDay, endpointID, eventType), "%q %q by day", endpointID, eventType)
		}
	}
}

// statisticsWorld makes things happen to deliveries, at random.
type statisticsWorld struct {
	t         *testing.T
	store     *store.Store
	random    *rand.Rand
	endpoints []webhook.Endpoint
	types     []string
	clock     time.Time
	model     countModel
	known     []webhook.Delivery // in their present state
	typeOf    map[string]string  // by event
	// neverRetry leaves failures as they are.
	neverRetry bool
}

func newStatisticsWorld(t *testing.T, s *store.Store, seed uint64) *statisticsWorld {
	t.Helper()
	w := &statisticsWorld{
		t: t, store: s, random: rand.New(rand.NewPCG(seed, 1)),
		types: []string{"run.finished", "node.started"}, clock: statisticsDay.Add(20 * time.Hour), typeOf: map[string]string{},
	}
	for i := range 3 {
		endpoint := webhook.NewEndpoint(org, "key_x", webhook.EndpointSpec{Name: fmt.Sprint(i), URL: "https://example.com"}, "whsec_a", statisticsDay)
		require.NoError(t, s.CreateEndpoint(t.Context(), endpoint))
		w.endpoints = append(w.endpoints, endpoint)
	}
	return w
}

func (w *statisticsWorld) endpointIDs() (ids []string) {
	for _, e := range w.endpoints {
		ids = append(ids, e.ID)
	}
	return ids
}

// publication makes an event of one of the types to some of the endpoints.
func (w *statisticsWorld) publication() webhook.Publication {
	spec := webhook.EventSpec{Type: w.types[w.random.IntN(len(w.types))], Data: []byte(`{}`)}
	if w.random.IntN(3) == 0 {
		spec.IdempotencyKey = fmt.Sprint("key ", w.random.IntN(20))
	}
	event := webhook.NewEvent(org, spec, w.clock)
	p := webhook.Publication{Event: event, Key: spec.Idempotency()}
	for _, endpoint := range w.endpoints[:w.random.IntN(len(w.endpoints)+1)] {
		p.Deliveries = append(p.Deliveries, webhook.NewDelivery(event, endpoint, w.clock))
	}
	return p
}

// publish publishes a batch. Some of its events are duplicates.
func (w *statisticsWorld) publish() {
	batch := make([]webhook.Publication, 1+w.random.IntN(4))
	for i := range batch {
		batch[i] = w.publication()
	}
	for i, err := range w.store.CreateEvents(w.t.Context(), batch) {
		if errors.Is(err, webhook.ErrIdempotencyKeyTaken) {
			continue
		}
		require.NoError(w.t, err)
		p := batch[i]
		w.typeOf[p.Event.ID] = p.Event.Type
		w.model.add("", p.Event.Type, w.clock, webhook.Counts{Events: 1})
		for _, d := range p.Deliveries {
			w.created(d)
		}
	}
}

func (w *statisticsWorld) created(d webhook.Delivery) {
	w.model.add(d.EndpointID, w.typeOf[d.EventID], w.clock, webhook.Counts{Created: 1})
	w.known = append(w.known, d)
}

// test makes a test delivery, whose attempt fails. Neither counts.
func (w *statisticsWorld) test() {
	event := webhook.NewEvent(org, webhook.EventSpec{Type: w.types[0], Data: []byte(`{}`)}, w.clock)
	d := webhook.NewTest(event, w.endpoints[0], w.clock)
	require.NoError(w.t, w.store.CreateEvent(w.t.Context(), event, []webhook.Delivery{d}))
	outcome, err := webhook.Policy{}.Decide(d, webhook.Result{StartedAt: w.clock, ResponseStatus: 500}, w.clock)
	require.NoError(w.t, err)
	_, err = w.store.RecordOutcome(w.t.Context(), outcome)
	require.NoError(w.t, err)
}

// waiting returns the indexes of up to most deliveries that wait, at random.
func (w *statisticsWorld) waiting(most int) (indexes []int) {
	for _, i := range w.random.Perm(len(w.known)) {
		if w.known[i].Status.Waiting() && len(indexes) < most {
			indexes = append(indexes, i)
		}
	}
	return indexes
}

// result is what an attempt got.
func (w *statisticsWorld) result() webhook.Result {
	r := webhook.Result{StartedAt: w.clock, Duration: time.Duration(w.random.IntN(90_000)) * time.Millisecond}
	switch w.random.IntN(6) {
	case 0:
		r.ResponseStatus = 404
	case 1:
		r.ResponseStatus = 302
	case 2:
		r.ErrorCode, r.Failure = webhook.ErrorTimeout, "no answer"
	case 3:
		r.ResponseStatus = 500
	default:
		r.ResponseStatus = 204
	}
	return r
}

var errorKeys = map[int]string{404: "4xx", 302: "http_status", 500: "5xx", 0: "timeout"}

// attempt records attempts together. Some are recorded twice, and some are superseded.
func (w *statisticsWorld) attempt() {
	var outcomes []webhook.Outcome
	for _, i := range w.waiting(1 + w.random.IntN(4)) {
		d := w.known[i]
		d.MaxRetries = 1
		r := w.result()
		outcome, err := webhook.Policy{}.Decide(d, r, w.clock.Add(r.Duration))
		require.NoError(w.t, err)
		outcome.EventType = w.typeOf[d.EventID]
		late, err := webhook.Policy{}.Decide(d, w.result(), w.clock)
		require.NoError(w.t, err)
		late.EventType = outcome.EventType
		outcomes = append(outcomes, outcome)
		if w.random.IntN(3) == 0 {
			outcomes = append(outcomes, late, outcome)
		}
		w.known[i] = outcome.Delivery
		counts := webhook.Counts{Attempts: 1}
		if r.ResponseStatus != 0 {
			counts.Durations.Add(r.Duration.Milliseconds())
		}
		if key := errorKeys[r.ResponseStatus]; key != "" {
			counts.AddError(key, 1)
		}
		switch outcome.Delivery.Status {
		case webhook.StatusSuccess:
			counts.Succeeded = 1
		case webhook.StatusFailure:
			counts.Failed = 1
		case webhook.StatusPending, webhook.StatusRetrying:
		}
		w.model.add(d.EndpointID, outcome.EventType, w.clock.Add(r.Duration), counts)
	}
	_, failures := w.store.RecordOutcomes(w.t.Context(), outcomes)
	for _, err := range failures {
		require.NoError(w.t, err)
	}
}

func (w *statisticsWorld) ended(i int, next webhook.Delivery) {
	w.known[i].Status, w.known[i].Revision = webhook.StatusFailure, next.Revision
	w.known[i].NextRetryAt, w.known[i].FailureReason = time.Time{}, next.FailureReason
	w.model.add(w.known[i].EndpointID, w.typeOf[w.known[i].EventID], w.clock, webhook.Counts{Failed: 1})
}

func (w *statisticsWorld) cancel() {
	for _, i := range w.waiting(1) {
		c := webhook.Cancellation{OrganizationID: org, DeliveryID: w.known[i].ID, At: w.clock}
		record, err := w.store.CancelDelivery(w.t.Context(), c)
		require.NoError(w.t, err)
		w.ended(i, record.Delivery)
		_, err = w.store.CancelDelivery(w.t.Context(), c)
		require.ErrorIs(w.t, err, webhook.ErrDeliveryNotWaiting)
	}
}

func (w *statisticsWorld) fail() {
	for _, i := range w.waiting(1) {
		failed, err := w.known[i].Failed(webhook.FailureEndpointDisabled, w.clock)
		require.NoError(w.t, err)
		for range 2 { // the second is fenced
			_, err = w.store.FailDelivery(w.t.Context(), failed)
			require.NoError(w.t, err)
		}
		w.ended(i, failed)
	}
}

// retry requeues a failed delivery, which counts nothing.
func (w *statisticsWorld) retry() {
	for i, d := range w.known {
		if !w.neverRetry && d.Status == webhook.StatusFailure && w.random.IntN(2) == 0 {
			record, err := w.store.RetryDelivery(w.t.Context(), org, d.ID, w.clock)
			require.NoError(w.t, err)
			w.known[i] = record.Delivery
			return
		}
	}
}

func (w *statisticsWorld) replay() {
	if len(w.known) == 0 {
		return
	}
	d := w.known[w.random.IntN(len(w.known))]
	i := slices.IndexFunc(w.endpoints, func(e webhook.Endpoint) bool { return e.ID == d.EndpointID })
	replay := d.Replayed(webhook.Event{ID: d.EventID, OrganizationID: org}, w.endpoints[i], w.clock)
	require.NoError(w.t, w.store.CreateDelivery(w.t.Context(), replay))
	w.created(replay)
}

func (w *statisticsWorld) step() {
	w.clock = w.clock.Add(time.Duration(w.random.IntN(3000)) * time.Millisecond).Truncate(time.Microsecond)
	switch w.random.IntN(12) {
	case 0, 1, 2:
		w.publish()
	case 3, 4, 5, 6:
		w.attempt()
	case 7:
		w.cancel()
	case 8:
		w.fail()
	case 9:
		w.retry()
	case 10:
		w.replay()
	case 11:
		w.test()
	}
}

// operational adds the events that the store has published itself. They have no deliveries.
func (w *statisticsWorld) operational() {
	w.t.Helper()
	for _, eventType := range []string{webhook.EventTypeDeliveryExhausted, webhook.EventTypeEndpointFailing, webhook.EventTypeEndpointRecovered, webhook.EventTypeEndpointDisabled} {
		list, err := w.store.PageEvents(w.t.Context(), webhook.EventFilter{OrganizationID: org, Type: eventType}, webhook.Page{Limit: 1000})
		require.NoError(w.t, err)
		events, err := w.store.ReadEvents(w.t.Context(), org, idsOf(list.Items))
		require.NoError(w.t, err)
		for _, e := range events {
			w.model.add("", e.Type, e.CreatedAt, webhook.Counts{Events: 1})
		}
	}
}

// testStatisticsEqualModel does random things and merges at random moments. The statistics always equal a full count, before and after a merge.
func testStatisticsEqualModel(t *testing.T, s *store.Store) {
	w := newStatisticsWorld(t, s, 7)
	for i := range 200 / walkShare {
		w.step()
		if w.clock = w.clock.Add(time.Minute); w.random.IntN(20) == 0 {
			merge(t, s, 1+w.random.IntN(10))
		}
		if i%50 == 49 {
			checked := w.model
			w.operational()
			equalStatistics(t, s, &w.model, w.endpointIDs(), w.types)
			w.model = checked
		}
	}
	// The deliveries of a deleted endpoint end, and its statistics remain.
	_, err := s.ChangeEndpoint(t.Context(), org, w.endpoints[0].ID, webhook.Deleting("key_x", w.clock))
	require.NoError(t, err)
	_, err = s.EndDeleted(t.Context(), statisticsDay, w.clock, 1000)
	require.NoError(t, err)
	for i, d := range w.known {
		if d.EndpointID == w.endpoints[0].ID && d.Status.Waiting() {
			w.ended(i, d)
		}
	}
	w.operational()
	equalStatistics(t, s, &w.model, w.endpointIDs(), w.types)
	merge(t, s, 1000)
	equalStatistics(t, s, &w.model, w.endpointIDs(), w.types)
}

// busy publishes and records until stop is closed, and returns what it has done.
func busy(t *testing.T, s *store.Store, endpoint webhook.Endpoint, eventType string, rounds int) (m countModel) {
	t.Helper()
	for i := range rounds {
		at := statisticsDay.Add(time.Duration(i%30) * time.Hour)
		event := webhook.NewEvent(org, webhook.EventSpec{Type: eventType, Data: []byte(`{}`)}, at)
		d := webhook.NewDelivery(event, endpoint, at)
		if !assert.NoError(t, s.CreateEvent(t.Context(), event, []webhook.Delivery{d})) {
			return m
		}
		m.add(endpoint.ID, eventType, at, webhook.Counts{Events: 1, Created: 1})
		outcome, err := webhook.Policy{}.Decide(d, webhook.Result{StartedAt: at, ResponseStatus: 200}, at)
		assert.NoError(t, err)
		outcome.EventType = eventType
		if _, err = s.RecordOutcome(t.Context(), outcome); !assert.NoError(t, err) {
			return m
		}
		counts := webhook.Counts{Attempts: 1, Succeeded: 1}
		counts.Durations.Add(0)
		m.add(endpoint.ID, eventType, at, counts)
	}
	return m
}

// worksBeside runs writers, and mergers beside them until the writers have ended. It returns what the writers have done.
func worksBeside(t *testing.T, w *statisticsWorld, merger func(ctx context.Context)) *countModel {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var writers, mergers sync.WaitGroup
	models := make([]countModel, len(w.endpoints))
	for i, endpoint := range w.endpoints {
		writers.Go(func() { models[i] = busy(t, w.store, endpoint, w.types[i%len(w.types)], 20) })
	}
	for range 2 {
		mergers.Go(func() { merger(ctx) })
	}
	writers.Wait()
	stop()
	mergers.Wait()
	all := &countModel{}
	for _, m := range models {
		all.happened = append(all.happened, m.happened...)
	}
	for i := range all.happened { // events are not of an endpoint
		if h := &all.happened[i]; h.counts.Events > 0 {
			all.add("", h.eventType, h.at, webhook.Counts{Events: 1})
			all.happened[i].counts.Events = 0
		}
	}
	return all
}

// testStatisticsConcurrent merges by two processes while others publish and record.
func testStatisticsConcurrent(t *testing.T, s *store.Store) {
	w := newStatisticsWorld(t, s, 1)
	done := worksBeside(t, w, func(ctx context.Context) {
		for ctx.Err() == nil {
			if err := mergeAll(ctx, s, 5); err != nil && ctx.Err() == nil {
				assert.NoError(t, err)
			}
		}
	})
	equalStatistics(t, s, done, w.endpointIDs(), w.types)
	merge(t, s, 7)
	equalStatistics(t, s, done, w.endpointIDs(), w.types)
}

// testStatisticsInterrupted ends the transactions of merges at any moment.
func testStatisticsInterrupted(t *testing.T, s *store.Store) {
	w := newStatisticsWorld(t, s, 2)
	done := worksBeside(t, w, func(ctx context.Context) {
		for interrupted := 0; ctx.Err() == nil && interrupted < 15; { // each may cost a connection
			short, cancel := context.WithTimeout(ctx, time.Duration(rand.IntN(8000))*time.Microsecond)
			if mergeAll(short, s, 20) != nil {
				interrupted++
			}
			cancel()
		}
	})
	equalStatistics(t, s, done, w.endpointIDs(), w.types)
	merge(t, s, 1000)
	equalStatistics(t, s, done, w.endpointIDs(), w.types)
}

// testStatisticsTypes publishes more event types in a day than are counted by name, while they are merged.
func testStatisticsTypes(t *testing.T, s *store.Store) {
	const types = webhook.CountedTypes + 20
	w := newWorld(t, s)
	publish := func(eventType string, at time.Time) {
		event := webhook.NewEvent(org, webhook.EventSpec{Type: eventType, Data: []byte(`{}`)}, at)
		assert.NoError(t, s.CreateEvent(t.Context(), event, []webhook.Delivery{webhook.NewDelivery(event, w.endpoint, at)}))
	}
	var working sync.WaitGroup
	for worker := range 2 {
		working.Go(func() {
			for i := range types {
				publish(fmt.Sprintf("type.%d", (i*(worker+1))%types), statisticsDay.Add(time.Hour))
				if i%10 == 0 {
					assert.NoError(t, mergeAll(t.Context(), s, 15))
				}
			}
		})
	}
	working.Wait()
	created := func(eventType string) (count int64) {
		for _, counts := range readStatistics(t, s, webhook.IntervalDay, "", eventType) {
			count += counts.Created
		}
		return count
	}
	compare := func() {
		named, total := 0, created(webhook.OtherType)
		for i := range types {
			if count := created(fmt.Sprintf("type.%d", i)); count > 0 {
				named++
				total += count
			}
		}
		assert.Equal(t, webhook.CountedTypes, named)
		assert.Equal(t, int64(2*types), total, "each counts once")
		assert.Equal(t, int64(2*types), created(""))
	}
	compare()
	merge(t, s, 1000)
	compare()
	other := created(webhook.OtherType)
	publish(webhook.OtherType, statisticsDay.Add(time.Hour))
	publish("type.new", statisticsDay.Add(2*time.Hour))
	assert.Equal(t, other+2, created(webhook.OtherType))
	publish("type.new", statisticsDay.Add(25*time.Hour))
	assert.Equal(t, int64(1), created("type.new"), "each day has its own")
}

// testStatisticsRetention adds old hours to their days, and deletes old days.
func testStatisticsRetention(t *testing.T, s *store.Store) {
	w := newStatisticsWorld(t, s, 3)
	for range 100 {
		w.step()
		w.clock = w.clock.Add(10 * time.Minute)
	}
	w.operational()
	merge(t, s, 1000)
	before := readStatistics(t, s, webhook.IntervalDay, "", "")
	require.Len(t, before, 2)

	purge := func(now time.Time, limit int) (purged int64) {
		for {
			deleted, err := s.PurgeStatistics(t.Context(), now, limit)
			require.NoError(t, err)
			if purged += deleted; deleted == 0 {
				return purged
			}
		}
	}
	kept := statisticsDay.Add(webhook.HoursKept * 24 * time.Hour)
	assert.Zero(t, purge(kept.Add(24*time.Hour-time.Second), 500), "hours are kept for 35 days")
	assert.NotZero(t, purge(kept.Add(24*time.Hour), 3), "the first day")
	hours := readStatistics(t, s, webhook.IntervalHour, "", "")
	for start := range hours {
		assert.False(t, start.Before(statisticsDay.Add(24*time.Hour)))
	}
	assert.NotEmpty(t, hours)
	equalDays := func() {
		for _, endpointID := range append(w.endpointIDs(), "") {
			assert.Equal(t, w.model.of(24*time.Hour, endpointID, ""), readStatistics(t, s, webhook.IntervalDay, endpointID, ""))
		}
	}
	equalDays()
	purge(kept.Add(48*time.Hour), 500)
	assert.Empty(t, readStatistics(t, s, webhook.IntervalHour, "", ""))
	equalDays()

	last := statisticsDay.Add(webhook.DaysKept * 24 * time.Hour)
	assert.Zero(t, purge(last.Add(24*time.Hour-time.Second), 500), "days are kept for 400 days")
	purge(last.Add(24*time.Hour), 500)
	assert.Len(t, readStatistics(t, s, webhook.IntervalDay, "", ""), 1)
	purge(last.Add(48*time.Hour), 500)
	assert.Empty(t, readStatistics(t, s, webhook.IntervalDay, "", ""))
}

// testWaitingBy counts what waits, up to a limit.
func testWaitingBy(t *testing.T, s *store.Store) {
	w, neighbour := newWorld(t, s), newWorld(t, s)
	waiting := func(endpointID string, limit int) webhook.Waiting {
		found, err := s.CountWaitingBy(t.Context(), org, endpointID, limit)
		require.NoError(t, err)
		assert.WithinDuration(t, webhook.Now(), found.AsOf, time.Minute)
		found.AsOf = time.Time{}
		return found
	}
	assert.Equal(t, webhook.Waiting{}, waiting("", 10))
	w.publish()
	_, retrying := w.publish()
	retrying, _ = w.attempt(retrying, 500)
	_, ended := w.publish()
	w.attempt(ended, 200)
	w.publishTest()
	assert.Equal(t, webhook.Waiting{Pending: 1, Retrying: 1, OldestDueAt: start}, waiting("", 10))
	assert.Equal(t, webhook.Waiting{Pending: 1, Retrying: 1, OldestDueAt: start}, waiting(w.endpoint.ID, 10))
	assert.Equal(t, webhook.Waiting{}, waiting(neighbour.endpoint.ID, 10))

	oldest := start.Add(-time.Hour)
	neighbour.publishAt(oldest)
	capped := waiting("", 2)
	assert.True(t, capped.Capped)
	assert.Equal(t, 2, capped.Pending+capped.Retrying)
	assert.Equal(t, oldest, capped.OldestDueAt, "it may be one that was not counted")
	full := waiting("", 3)
	assert.Equal(t, webhook.Waiting{Pending: 2, Retrying: 1, OldestDueAt: oldest}, full)
	assert.True(t, retrying.NextRetryAt.After(start))
	other, err := s.CountWaitingBy(t.Context(), other, "", 10)
	require.NoError(t, err)
	assert.Zero(t, other.Pending)
}
