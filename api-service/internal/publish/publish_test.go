package publish_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/api-service/internal/metrics"
	"redrive/api-service/internal/publish"
	"redrive/pkg/webhook"
)

// world is a store and a queue that record the order of their calls.
type world struct {
	endpoints []webhook.Endpoint
	broken    map[string]error
	calls     []string
	committed []webhook.Delivery
	enqueued  []webhook.Delivery

	taken     int // how many times a key is taken
	recorded  map[[sha256.Size]byte]webhook.Recorded
	published map[string][]webhook.Delivery // by event
}

func (w *world) ListActiveEndpoints(_ context.Context, organizationID string) ([]webhook.Endpoint, error) {
	w.calls = append(w.calls, "list "+organizationID)
	return w.endpoints, w.broken["list"]
}

func (w *world) FindRecorded(context.Context, string, [][sha256.Size]byte) (map[[sha256.Size]byte]webhook.Recorded, error) {
	w.calls = append(w.calls, "find key")
	return w.recorded, w.broken["find key"]
}

func (w *world) ListPublished(context.Context, string, []string) (map[string][]webhook.Delivery, error) {
	return w.published, nil
}

// CreateEvents refuses an event of the type "refused.by.database", and an event whose key is taken.
func (w *world) CreateEvents(_ context.Context, publications []webhook.Publication) []error {
	w.calls = append(w.calls, "commit")
	failures := make([]error, len(publications))
	for i, p := range publications {
		failures[i] = w.broken["commit"]
		if p.Event.Type == "refused.by.database" {
			failures[i] = errRefused
		}
		if p.Key != nil && w.taken > 0 {
			w.taken--
			failures[i] = webhook.ErrIdempotencyKeyTaken
		}
		if failures[i] == nil {
			w.committed = append(w.committed, p.Deliveries...)
		}
	}
	return failures
}

var errRefused = errors.New("refused")

func (w *world) Enqueue(_ context.Context, deliveries ...webhook.Delivery) {
	w.calls = append(w.calls, "enqueue")
	w.enqueued = deliveries
}

var spec = webhook.EventSpec{Type: "run.finished", Data: json.RawMessage(`{}`)}

func endpoint(id string, subscriptions ...string) webhook.Endpoint {
	return webhook.Endpoint{ID: id, OrganizationID: "org_a", SubscribedEventTypes: subscriptions, Status: webhook.EndpointActive, MaxRetries: 3}
}

func TestPublishCommitsThenEnqueues(t *testing.T) {
	w := &world{endpoints: []webhook.Endpoint{endpoint("ep_all"), endpoint("ep_run", "run.*"), endpoint("ep_node", "node.*")}}
	published, err := publish.New(w, w, metrics.New(prometheus.NewRegistry()), publish.Options{}).Publish(t.Context(), "org_a", spec)
	require.NoError(t, err)
	assert.Equal(t, []string{"list org_a", "commit", "enqueue"}, w.calls)
	event, deliveries := published.Event, published.Deliveries
	require.Len(t, deliveries, 2)
	for i, id := range []string{"ep_all", "ep_run"} {
		assert.Equal(t, id, deliveries[i].EndpointID)
		assert.Equal(t, event.ID, deliveries[i].EventID)
		assert.Equal(t, webhook.StatusPending, deliveries[i].Status)
		assert.Equal(t, 3, deliveries[i].MaxRetries)
	}
	assert.Equal(t, deliveries, w.committed)
	assert.Equal(t, deliveries, w.enqueued)
}

func TestPublishWithoutSubscriptionCommitsEvent(t *testing.T) {
	w := &world{endpoints: []webhook.Endpoint{endpoint("ep_node", "node.*")}}
	published, err := publish.New(w, w, metrics.New(prometheus.NewRegistry()), publish.Options{}).Publish(t.Context(), "org_a", spec)
	require.NoError(t, err)
	assert.Empty(t, published.Deliveries)
	assert.Contains(t, w.calls, "commit")
	assert.Empty(t, w.enqueued)
}

func TestPublishNotCommittedEnqueuesNothing(t *testing.T) {
	broken := errors.New("broken")
	for step, calls := range map[string][]string{"list": {"list org_a"}, "commit": {"list org_a", "commit"}} {
		w := &world{endpoints: []webhook.Endpoint{endpoint("ep_all")}, broken: map[string]error{step: broken}}
		_, err := publish.New(w, w, metrics.New(prometheus.NewRegistry()), publish.Options{}).Publish(t.Context(), "org_a", spec)
		require.ErrorIs(t, err, broken)
		assert.Equal(t, calls, w.calls)
	}
	w := &world{}
	_, err := publish.New(w, w, metrics.New(prometheus.NewRegistry()), publish.Options{}).Publish(t.Context(), "org_a", webhook.EventSpec{Type: "run finished", Data: spec.Data})
	assert.Equal(t, webhook.CodeInvalid, webhook.CodeOf(err))
	assert.Empty(t, w.calls, "the database is not asked about what is wrong by itself")
}

func TestPublishAllKeepsOrder(t *testing.T) {
	w := &world{endpoints: []webhook.Endpoint{endpoint("ep_all"), endpoint("ep_run", "run.*")}}
	wrong := webhook.EventSpec{Type: "run finished", Data: spec.Data}
	node := webhook.EventSpec{Type: "node.started", Data: spec.Data}
	results, err := publish.New(w, w, metrics.New(prometheus.NewRegistry()), publish.Options{}).PublishAll(t.Context(), "org_a", []webhook.EventSpec{spec, wrong, node})
	require.NoError(t, err)
	assert.Equal(t, []string{"list org_a", "commit", "enqueue"}, w.calls)
	require.Len(t, results, 3)
	assert.Len(t, results[0].Deliveries, 2)
	assert.Equal(t, webhook.CodeInvalid, webhook.CodeOf(results[1].Err))
	assert.Empty(t, results[1].Event.ID)
	assert.Len(t, results[2].Deliveries, 1)
	assert.Equal(t, "node.started", results[2].Event.Type)
	assert.Len(t, w.enqueued, 3)
	assert.Equal(t, w.committed, w.enqueued)
}

// The committed events of a batch are published although others could not be committed.
func TestPublishAllPartlyCommittedEnqueuesCommitted(t *testing.T) {
	w := &world{endpoints: []webhook.Endpoint{endpoint("ep_all")}}
	_, err := publish.New(w, w, metrics.New(prometheus.NewRegistry()), publish.Options{}).PublishAll(t.Context(), "org_a", []webhook.EventSpec{spec, {Type: "refused.by.database", Data: spec.Data}})
	require.ErrorIs(t, err, errRefused)
	assert.Len(t, w.enqueued, 1)
	assert.Equal(t, w.committed, w.enqueued)

	w = &world{broken: map[string]error{"list": errRefused}}
	_, err = publish.New(w, w, metrics.New(prometheus.NewRegistry()), publish.Options{}).PublishAll(t.Context(), "org_a", []webhook.EventSpec{spec})
	require.ErrorIs(t, err, errRefused)
	assert.Equal(t, []string{"list org_a"}, w.calls)
}

func TestPublishCachesEndpointsUntilInvalidated(t *testing.T) {
	w := &world{}
	p := publish.New(w, w, metrics.New(prometheus.NewRegistry()), publish.Options{})
	for range 3 {
		published, err := p.Publish(t.Context(), "org_a", spec)
		require.NoError(t, err)
		assert.Empty(t, published.Deliveries)
	}
	assert.Equal(t, []string{"list org_a", "commit", "enqueue", "commit", "enqueue", "commit", "enqueue"}, w.calls)
	w.endpoints = []webhook.Endpoint{endpoint("ep_all")}
	p.Invalidate("org_a")
	published, err := p.Publish(t.Context(), "org_a", spec)
	require.NoError(t, err)
	assert.Len(t, published.Deliveries, 1)
	p.Close()
}

// recorded is an admission that records its calls among those of the world.
type recorded struct {
	world   *world
	refused error
}

func (r recorded) Admit(_ context.Context, organizationID string, events int) (done func(), err error) {
	r.world.calls = append(r.world.calls, fmt.Sprint("admit ", organizationID, " ", events))
	return func() { r.world.calls = append(r.world.calls, "done") }, r.refused
}

func TestPublishIsAdmittedBeforeCommit(t *testing.T) {
	w := &world{endpoints: []webhook.Endpoint{endpoint("ep_all")}}
	p := publish.New(w, w, metrics.New(prometheus.NewRegistry()), publish.Options{Admission: recorded{world: w}})
	_, err := p.Publish(t.Context(), "org_a", spec)
	require.NoError(t, err)
	assert.Equal(t, []string{"list org_a", "admit org_a 1", "commit", "enqueue", "done"}, w.calls)
	w.calls = nil
	_, err = p.PublishAll(t.Context(), "org_a", []webhook.EventSpec{spec, spec})
	require.NoError(t, err)
	assert.Equal(t, []string{"admit org_a 2", "commit", "enqueue", "done"}, w.calls)
}

func TestPublishNotAdmittedCommitsNothing(t *testing.T) {
	w := &world{endpoints: []webhook.Endpoint{endpoint("ep_all")}}
	p := publish.New(w, w, metrics.New(prometheus.NewRegistry()), publish.Options{Admission: recorded{w, context.DeadlineExceeded}})
	_, err := p.Publish(t.Context(), "org_a", spec)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	_, err = p.PublishAll(t.Context(), "org_a", []webhook.EventSpec{spec})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	assert.NotContains(t, w.calls, "commit")
}
