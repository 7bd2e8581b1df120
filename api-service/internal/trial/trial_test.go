package trial_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"redrive/api-service/internal/trial"
	"redrive/pkg/webhook"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const org = "org_a"

// database has one endpoint, and a delivery that ends after a while.
type database struct {
	endpoint   webhook.Endpoint
	samples    map[string]string // of the event types in the catalogue
	unread     error             // of the catalogue
	refusal    error
	endsIn     time.Duration
	unreadable time.Duration // from the start on, the status cannot be read
	began      time.Time
	events     []webhook.Event
	created    []webhook.Delivery
	enqueued   []webhook.Delivery
}

func (d *database) ReserveTest(context.Context, string, string) (webhook.Endpoint, error) {
	d.began = time.Now()
	return d.endpoint, d.refusal
}

func (d *database) FindEventType(_ context.Context, name string) (webhook.EventType, error) {
	sample, found := d.samples[name]
	switch {
	case d.unread != nil:
		return webhook.EventType{}, d.unread
	case !found:
		return webhook.EventType{}, webhook.NotFound("event type", name)
	}
	return webhook.EventType{Name: name, Sample: []byte(sample)}, nil
}

func (d *database) CreateEvent(_ context.Context, event webhook.Event, deliveries []webhook.Delivery) error {
	d.events, d.created = append(d.events, event), append(d.created, deliveries...)
	return nil
}

func (d *database) Enqueue(_ context.Context, deliveries ...webhook.Delivery) {
	d.enqueued = append(d.enqueued, deliveries...)
}

func (d *database) FindStatus(context.Context, string, string) (webhook.Status, error) {
	switch since := time.Since(d.began); {
	case since < d.unreadable:
		return "", webhook.Unavailable(time.Second, nil)
	case since < d.endsIn:
		return webhook.StatusPending, nil
	}
	return webhook.StatusFailure, nil
}

func (d *database) FindDelivery(ctx context.Context, organizationID, id string) (webhook.Record, error) {
	status, err := d.FindStatus(ctx, organizationID, id)
	return webhook.Record{Delivery: webhook.Delivery{ID: id, OrganizationID: organizationID, Status: status}}, err
}

func newDatabase() *database {
	spec := webhook.EndpointSpec{Name: "n", URL: "https://example.com/hook", SubscribedEventTypes: []string{"other"}}
	return &database{endpoint: webhook.NewEndpoint(org, "key_a", spec, "whsec_a", webhook.Now())}
}

func TestSendCreatesOneTestDelivery(t *testing.T) {
	d := newDatabase()
	delivery, err := trial.New(d, d, d, trial.Options{}).Send(t.Context(), org, d.endpoint.ID, webhook.EventSpec{})
	require.NoError(t, err)
	require.Len(t, d.events, 1)
	assert.Equal(t, webhook.EventTypeTest, d.events[0].Type)
	assert.JSONEq(t, `{"message":"This is a test of your webhook endpoint."}`, string(d.events[0].Data))
	assert.Equal(t, []webhook.Delivery{delivery}, d.created)
	assert.Equal(t, []webhook.Delivery{delivery}, d.enqueued)
	assert.True(t, delivery.Test)
	assert.Zero(t, delivery.MaxRetries)
	assert.Equal(t, webhook.PriorityHead, delivery.Priority)
}

func TestSendOwnTypeAndData(t *testing.T) {
	d := newDatabase()
	_, err := trial.New(d, d, d, trial.Options{}).Send(t.Context(), org, d.endpoint.ID, webhook.EventSpec{Type: "run.finished", Data: []byte(`{"a":1}`)})
	require.NoError(t, err)
	assert.Equal(t, "run.finished", d.events[0].Type)
	assert.Equal(t, `{"a":1}`, string(d.events[0].Data)) //nolint:testifylint // the bytes count
}

func TestSendRefusedCreatesNothing(t *testing.T) {
	for name, c := range map[string]struct {
		spec    webhook.EventSpec
		refusal error
		want    webhook.Code
	}{
		"reserved type": {webhook.EventSpec{Type: "redrive.endpoint.disabled"}, nil, webhook.CodeInvalid},
		"no object":     {webhook.EventSpec{Data: []byte(`[]`)}, nil, webhook.CodeInvalid},
		"too soon":      {webhook.EventSpec{}, webhook.RateLimited(time.Second, "too soon"), webhook.CodeRateLimited},
	} {
		d := newDatabase()
		d.refusal = c.refusal
		_, err := trial.New(d, d, d, trial.Options{}).Send(t.Context(), org, d.endpoint.ID, c.spec)
		assert.Equal(t, c.want, webhook.CodeOf(err), name)
		assert.Empty(t, d.created, name)
		assert.Empty(t, d.enqueued, name)
	}
}

func TestAwait(t *testing.T) {
	for name, c := range map[string]struct {
		endsIn, unreadable time.Duration
		want               webhook.Status
		atMost             time.Duration
	}{
		"ends soon":            {5 * time.Millisecond, 0, webhook.StatusFailure, 20 * time.Millisecond},
		"ends later":           {3 * time.Second, 0, webhook.StatusFailure, 3250 * time.Millisecond},
		"database unavailable": {time.Second, 5 * time.Second, webhook.StatusFailure, 6 * time.Second},
		"does not end":         {time.Hour, 0, webhook.StatusPending, 20 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDatabase()
				d.endsIn, d.unreadable = c.endsIn, c.unreadable
				tester := trial.New(d, d, d, trial.Options{})
				delivery, err := tester.Send(t.Context(), org, d.endpoint.ID, webhook.EventSpec{})
				require.NoError(t, err)
				record, err := tester.Await(t.Context(), delivery)
				require.NoError(t, err)
				assert.Equal(t, c.want, record.Delivery.Status)
				assert.LessOrEqual(t, time.Since(d.began), c.atMost)
			})
		})
	}
}

func TestSendDefaultDataIsSampleOfEventType(t *testing.T) {
	const small = `{"message":"This is a test of your webhook endpoint."}`
	d := newDatabase()
	d.samples = map[string]string{"run.finished": `{"n": 1.50}`, "run.started": ""}
	for eventType, want := range map[string]string{"run.finished": `{"n": 1.50}`, "run.started": small, "run.other": small, "": small} {
		d.events = nil
		_, err := trial.New(d, d, d, trial.Options{}).Send(t.Context(), org, d.endpoint.ID, webhook.EventSpec{Type: eventType})
		require.NoError(t, err)
		assert.Equal(t, want, string(d.events[0].Data), "%q", eventType)
	}
	d.events, d.unread = nil, webhook.Unavailable(time.Second, nil)
	_, err := trial.New(d, d, d, trial.Options{}).Send(t.Context(), org, d.endpoint.ID, webhook.EventSpec{Type: "run.finished"})
	require.ErrorIs(t, err, d.unread)
	assert.Empty(t, d.events)
	_, err = trial.New(d, d, d, trial.Options{}).Send(t.Context(), org, d.endpoint.ID, webhook.EventSpec{Type: "run.finished", Data: []byte(`{}`)})
	require.NoError(t, err, "the catalogue is not read")
}
