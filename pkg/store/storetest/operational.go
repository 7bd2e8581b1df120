package storetest

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

// listener is an endpoint that gets operational events.
type listener struct {
	world
	organizationID string
}

func listen(t *testing.T, s *store.Store, organizationID string, subscriptions ...string) listener {
	t.Helper()
	endpoint := webhook.NewEndpoint(organizationID, "key_x", webhook.EndpointSpec{Name: "ops", URL: "https://example.com/ops", SubscribedEventTypes: subscriptions}, "whsec_two", start)
	require.NoError(t, s.CreateEndpoint(t.Context(), endpoint))
	return listener{world{t: t, ctx: t.Context(), store: s, endpoint: endpoint, record: s.RecordOutcome}, organizationID}
}

// notice is the data of an operational event.
type notice struct {
	Type           string
	OrganizationID string
	Endpoint       struct{ ID, Name, URL string }
	Reason         string
	Since          time.Time
	LastError      string
	Count          int64
	At             time.Time
}

// notices returns the operational events that were published to the listener, oldest first.
func (l listener) notices() []notice {
	l.t.Helper()
	page, err := l.store.PageDeliveries(l.ctx, webhook.DeliveryFilter{OrganizationID: l.organizationID, EndpointID: l.endpoint.ID}, webhook.Page{Limit: 1000})
	require.NoError(l.t, err)
	ids := make([]string, len(page.Items))
	for i, item := range page.Items {
		ids[i] = item.ID
	}
	records, err := l.store.ReadDeliveries(l.ctx, l.organizationID, ids)
	require.NoError(l.t, err)
	notices := make([]notice, len(records))
	for i, r := range records {
		n := &notices[len(records)-1-i]
		require.NoError(l.t, json.Unmarshal(r.Event.Data, n))
		n.Type, n.At = r.Event.Type, r.Event.CreatedAt
	}
	slices.SortStableFunc(notices, func(a, b notice) int { return a.At.Compare(b.At) })
	return notices
}

func (l listener) types() []string {
	l.t.Helper()
	types := []string{}
	for _, n := range l.notices() {
		types = append(types, n.Type)
	}
	return types
}

// failAt records a failed attempt with retries left.
func (w world) failAt(at time.Time) {
	w.t.Helper()
	w.answer(500, at)
}

const fiveDays = 5 * 24 * time.Hour

func testFailingAndRecovered(t *testing.T, s *store.Store) {
	s.SetOperations(webhook.Operations{Organization: other})
	w := newWorld(t, s)
	all, endpoints, one := listen(t, s, org, "redrive.*"), listen(t, s, org, "redrive.endpoint.*"), listen(t, s, org, "run.*", webhook.EventTypeEndpointFailing)
	star, empty, deliveries := listen(t, s, org, "*"), listen(t, s, org), listen(t, s, org, "redrive.delivery.*")
	platform := listen(t, s, other, "redrive.*")
	var enqueued atomic.Int64
	s.OnOperational(func(_ context.Context, deliveries ...webhook.Delivery) { enqueued.Add(int64(len(deliveries))) })

	w.failAt(start)
	w.failAt(start.Add(time.Hour - time.Microsecond))
	assert.Empty(t, all.types(), "not for an hour")
	w.failAt(start.Add(time.Hour))
	w.failAt(start.Add(2 * time.Hour))
	want := []string{webhook.EventTypeEndpointFailing}
	assert.Equal(t, want, all.types(), "once")
	failing := all.notices()[0]
	assert.Equal(t, notice{
		Type: want[0], OrganizationID: org, Endpoint: struct{ ID, Name, URL string }{w.endpoint.ID, w.endpoint.Name, w.endpoint.URL}, Reason: "no_success",
		Since: start, LastError: "the receiver answered 500 Internal Server Error", Count: 3, At: start.Add(time.Hour),
	}, failing)
	assert.Equal(t, []notice{failing}, platform.notices(), "the organization of operations gets the same")

	w.answer(200, start.Add(3*time.Hour))
	want = append(want, webhook.EventTypeEndpointRecovered)
	assert.Equal(t, want, all.types())
	assert.Equal(t, want, endpoints.types())
	assert.Equal(t, want, platform.types())
	assert.Equal(t, want[:1], one.types())
	assert.Equal(t, start, all.notices()[1].Since)
	for _, l := range []listener{star, empty, deliveries} {
		assert.Empty(t, l.types(), "%v", l.endpoint.SubscribedEventTypes)
	}
	w.answer(200, start.Add(4*time.Hour))
	assert.Equal(t, want, all.types(), "it has recovered once")
	assert.EqualValues(t, 2+2+1+2, enqueued.Load(), "every delivery is enqueued after its commit")
	_, err := s.LoadDispatch(w.ctx, w.firstOf(all).ID)
	require.NoError(t, err, "they are deliveries like others")
}

// firstOf returns the delivery of the first event of a listener.
func (w world) firstOf(l listener) webhook.Delivery {
	w.t.Helper()
	page, err := l.store.PageDeliveries(l.ctx, webhook.DeliveryFilter{OrganizationID: l.organizationID, EndpointID: l.endpoint.ID}, webhook.Page{Limit: 1000})
	require.NoError(w.t, err)
	require.NotEmpty(w.t, page.Items)
	record, err := l.store.FindDelivery(l.ctx, l.organizationID, page.Items[len(page.Items)-1].ID)
	require.NoError(w.t, err)
	return record.Delivery
}

func (w world) status() (webhook.EndpointStatus, webhook.DisabledReason) {
	w.t.Helper()
	endpoint, err := w.store.FindEndpoint(w.ctx, org, w.endpoint.ID)
	require.NoError(w.t, err)
	return endpoint.Status, endpoint.DisabledReason
}

func testDisabledForFailing(t *testing.T, s *store.Store) {
	s.SetOperations(webhook.Operations{FailingAfter: fiveDays})
	l := listen(t, s, org, "redrive.endpoint.*")
	active := func(w world, why string) {
		status, _ := w.status()
		assert.Equal(t, webhook.EndpointActive, status, why)
	}
	long := newWorld(t, s)
	for i := range 20 {
		long.failAt(start.Add(time.Duration(i) * time.Hour))
	}
	long.failAt(start.Add(fiveDays - time.Second))
	active(long, "a second too early")
	long.failAt(start.Add(fiveDays))
	status, reason := long.status()
	assert.Equal(t, webhook.EndpointDisabled, status)
	assert.Equal(t, webhook.DisabledFailing, reason)
	changes := changesOf(t, s, long.endpoint.ID)
	assert.Equal(t, webhook.ChangeDisabled, changes[0].Change)
	assert.Equal(t, webhook.BySystem, changes[0].By)
	assert.Equal(t, "failing", changes[0].Reason)
	last := l.notices()
	require.Equal(t, []string{webhook.EventTypeEndpointFailing, webhook.EventTypeEndpointDisabled}, l.types())
	assert.EqualValues(t, 22, last[1].Count)
	assert.Equal(t, start, last[1].Since)
	assert.Equal(t, "failing", last[1].Reason)

	enabled := long.change(webhook.Enabling("key_x", start.Add(fiveDays+time.Hour)))
	assert.Zero(t, enabled.Health.ConsecutiveFailures)
	long.failAt(start.Add(fiveDays + 2*time.Hour))
	active(long, "its failures count from 0 again")

	few := newWorld(t, s)
	for i := range 18 {
		few.failAt(start.Add(time.Duration(i) * time.Hour))
	}
	few.failAt(start.Add(fiveDays))
	active(few, "19 failures")
	few.failAt(start.Add(fiveDays))
	status, _ = few.status()
	assert.Equal(t, webhook.EndpointDisabled, status, "the 20th")

	recovered := newWorld(t, s)
	for i := range 30 {
		recovered.failAt(start.Add(time.Duration(i) * time.Hour))
	}
	recovered.answer(200, start.Add(fiveDays-time.Second))
	recovered.failAt(start.Add(fiveDays))
	active(recovered, "one success")

	s.SetOperations(webhook.Operations{FailingAfter: time.Minute})
	short := newWorld(t, s)
	for range 30 {
		short.failAt(start)
	}
	short.failAt(start.Add(12*time.Hour - time.Second))
	active(short, "the failures have to be 12 hours apart")
	short.failAt(start.Add(12 * time.Hour))
	status, _ = short.status()
	assert.Equal(t, webhook.EndpointDisabled, status)
}

func testNeverDisabled(t *testing.T, s *store.Store) {
	s.SetOperations(webhook.Operations{FailingAfter: 0})
	w := newWorld(t, s)
	for i := range 30 {
		w.failAt(start.Add(time.Duration(i) * fiveDays))
	}
	status, _ := w.status()
	assert.Equal(t, webhook.EndpointActive, status)
}

func testOperationalChanges(t *testing.T, s *store.Store) {
	l := listen(t, s, org, "redrive.*")
	w := newWorld(t, s)
	at := start.Add(time.Hour)
	w.change(webhook.Disabling("key_x", webhook.DisabledManually, at))
	w.change(webhook.Disabling("key_x", webhook.DisabledManually, at.Add(time.Minute)))
	w.change(webhook.Pausing("key_x", at.Add(time.Minute)))
	w.change(webhook.Enabling("key_x", at.Add(time.Hour)))
	w.change(webhook.Enabling("key_x", at.Add(2*time.Hour)))
	require.Equal(t, []string{webhook.EventTypeEndpointDisabled, webhook.EventTypeEndpointEnabled}, l.types(), "changes that change nothing have no event")
	notices := l.notices()
	assert.Equal(t, "manual", notices[0].Reason)
	assert.Equal(t, at, notices[1].Since, "since when it was disabled")

	gone := newWorld(t, s)
	gone.answer(410, at.Add(3*time.Hour))
	require.Equal(t, []string{webhook.EventTypeEndpointDisabled, webhook.EventTypeEndpointEnabled, webhook.EventTypeEndpointDisabled}, l.types())
	assert.Equal(t, "gone", l.notices()[2].Reason)

	refused := webhook.Disabling("key_x", webhook.DisabledManually, at)
	refused.Apply = func(*webhook.Endpoint) error { return webhook.Invalid("x", "", "x") }
	_, err := s.ChangeEndpoint(t.Context(), org, w.endpoint.ID, refused)
	require.Error(t, err)
	assert.Len(t, l.types(), 3)
}

// testOperationalNoLoops lets the only receiver of operational events fail them until it is disabled.
func testOperationalNoLoops(t *testing.T, s *store.Store) {
	s.SetOperations(webhook.Operations{FailingAfter: fiveDays, Organization: other})
	l, platform := listen(t, s, org, "redrive.*"), listen(t, s, other, "redrive.*")
	w := newWorld(t, s)
	w.change(webhook.Disabling("key_x", webhook.DisabledManually, start))
	first := l.firstOf(l)
	before := len(platform.types())
	require.Equal(t, 1, before)
	at := start
	for i := range 25 {
		event := webhook.NewEvent(org, webhook.EventSpec{Type: webhook.EventTypeEndpointDisabled, Data: []byte(`{}`)}, at)
		d := webhook.NewDelivery(event, l.endpoint, at)
		d.MaxRetries = i % 2 // half of them are exhausted by the attempt
		require.NoError(t, s.CreateEvent(t.Context(), event, []webhook.Delivery{d}))
		at = at.Add(6 * time.Hour)
		outcome := l.decideAt(d, 500, at)
		outcome.EventType = event.Type
		_, err := s.RecordOutcome(t.Context(), outcome)
		require.NoError(t, err)
	}
	status, reason := l.status()
	assert.Equal(t, webhook.EndpointDisabled, status, "it is disabled all the same")
	assert.Equal(t, webhook.DisabledFailing, reason)
	assert.Len(t, platform.types(), before, "and nothing further is published")
	published, err := s.PublishExhausted(t.Context(), at.Add(time.Hour), 10)
	require.NoError(t, err)
	assert.Zero(t, published)
	assert.Equal(t, webhook.StatusPending, l.find(first.ID).Delivery.Status)
}

// exhaust publishes events with count deliveries to the world's endpoint, and returns the outcomes that exhaust them at a time.
func (w world) exhaust(count int, at time.Time) []webhook.Outcome {
	w.t.Helper()
	event := webhook.NewEvent(org, webhook.EventSpec{Type: "run.finished", Data: []byte(`{}`)}, start)
	deliveries := make([]webhook.Delivery, count)
	outcomes := make([]webhook.Outcome, count)
	for i := range deliveries {
		deliveries[i] = webhook.NewDelivery(event, w.endpoint, start)
		last := deliveries[i]
		last.MaxRetries = 0
		outcomes[i] = w.decideAt(last, 500, at)
		outcomes[i].EventType = event.Type
	}
	require.NoError(w.t, w.store.CreateEvent(w.ctx, event, deliveries))
	return outcomes
}

// TestExhausted exhausts count deliveries of one endpoint within ten minutes of virtual time. There is at most one event a minute, and their
// counts add up.
func TestExhausted(t *testing.T, s *store.Store, count int) {
	l := listen(t, s, org, "redrive.delivery.*")
	w := newWorld(t, s)
	const batch = 100
	step := 10 * time.Minute / time.Duration(count/batch)
	at := start
	for range count / batch {
		at = at.Add(step)
		_, errs := s.RecordOutcomes(t.Context(), w.exhaust(batch, at))
		require.Equal(t, make([]error, batch), errs)
		_, err := s.PublishExhausted(t.Context(), at, 10)
		require.NoError(t, err)
	}
	early, err := s.PublishExhausted(t.Context(), at.Add(time.Second), 10)
	require.NoError(t, err)
	late, err := s.PublishExhausted(t.Context(), at.Add(webhook.ExhaustedInterval), 10)
	require.NoError(t, err)
	assert.LessOrEqual(t, early+late, 1, "what is left is published once, a minute after the last event")
	none, err := s.PublishExhausted(t.Context(), at.Add(2*webhook.ExhaustedInterval), 10)
	require.NoError(t, err)
	assert.Zero(t, none)

	var total int64
	notices := l.notices()
	for i, n := range notices {
		assert.Equal(t, webhook.EventTypeDeliveryExhausted, n.Type)
		total += n.Count
		if i > 0 {
			assert.GreaterOrEqual(t, n.At.Sub(notices[i-1].At), webhook.ExhaustedInterval)
		}
	}
	assert.EqualValues(t, count, total)
	assert.EqualValues(t, 1, notices[0].Count, "the first is published at once")
	assert.LessOrEqual(t, len(notices), 12)
}

// testExhaustedConcurrent exhausts deliveries of one endpoint by several processes at the same time.
func testExhaustedConcurrent(t *testing.T, s *store.Store) {
	l := listen(t, s, org, "redrive.delivery.*")
	w := newWorld(t, s)
	const processes, batch = 4, 30
	var group sync.WaitGroup
	for range processes {
		outcomes := w.exhaust(batch, start.Add(time.Second))
		group.Go(func() {
			_, errs := s.RecordOutcomes(t.Context(), outcomes)
			assert.Equal(t, make([]error, batch), errs)
		})
	}
	group.Wait()
	assert.Len(t, l.notices(), 1)
	for range processes {
		group.Go(func() {
			_, err := s.PublishExhausted(t.Context(), start.Add(time.Hour), 10)
			assert.NoError(t, err)
		})
	}
	group.Wait()
	notices := l.notices()
	require.Len(t, notices, 2)
	assert.EqualValues(t, processes*batch, notices[0].Count+notices[1].Count)
}
