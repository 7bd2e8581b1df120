package storetest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

func (w world) changes(f webhook.ChangeFilter) []webhook.EndpointChanged {
	w.t.Helper()
	f.OrganizationID = org
	list, err := w.store.ListEndpointChanges(w.ctx, f, webhook.Page{Limit: 100})
	require.NoError(w.t, err)
	return list.Items
}

// update changes an endpoint.
func (w world) update(at time.Time, apply func(*webhook.Endpoint) error) (webhook.Endpoint, error) {
	return w.store.ChangeEndpoint(w.ctx, org, w.endpoint.ID, webhook.EndpointChange{Kind: webhook.ChangeUpdated, By: "key_y", At: at, Apply: apply})
}

func testChangesRecorded(t *testing.T, s *store.Store) {
	w := world{t: t, ctx: t.Context(), store: s, endpoint: sealedWorld(t, s, 1).endpoint, record: s.RecordOutcome}
	updated, err := w.update(start.Add(time.Hour), func(e *webhook.Endpoint) error {
		e.Name, e.URL, e.Description, e.MaxRetries, e.RateLimit = "new", "https://new.example.com/", "d", 0, 7
		e.SubscribedEventTypes, e.RetrySchedule, e.TimeoutSeconds = []string{"run.*"}, []int{1, 86400}, 30
		e.Payload, e.SignatureHeader, e.Metadata = webhook.PayloadData, "X-Signature", map[string]string{"team": "blue"}
		e.Headers = map[string]webhook.Secret{"X-A": "canary"}
		return nil
	})
	require.NoError(t, err)
	assert.Equal(t, start.Add(time.Hour), updated.UpdatedAt)
	found, err := s.FindEndpoint(w.ctx, org, w.endpoint.ID)
	require.NoError(t, err)
	assert.Equal(t, updated, found)
	assert.Equal(t, map[string]webhook.Secret{"X-A": ""}, found.Headers)

	_, d := w.publish()
	dispatch, err := s.LoadDispatch(w.ctx, d.ID)
	require.NoError(t, err)
	assert.Equal(t, map[string]webhook.Secret{"X-A": "canary"}, dispatch.Endpoint.Headers)
	assert.Equal(t, w.endpoint.SigningSecrets, dispatch.Endpoint.SigningSecrets, "others keep what they have")
	dispatch.Endpoint.Headers, dispatch.Endpoint.SigningSecrets = found.Headers, nil
	assert.Equal(t, found, dispatch.Endpoint)

	_, err = Rotate(w.ctx, s, org, w.endpoint.ID, "whsec_canary", time.Hour, start.Add(2*time.Hour))
	require.NoError(t, err)
	_, err = SetStatus(w.ctx, s, org, w.endpoint.ID, webhook.EndpointDisabled, start.Add(3*time.Hour))
	require.NoError(t, err)
	_, err = SetStatus(w.ctx, s, org, w.endpoint.ID, webhook.EndpointActive, start.Add(4*time.Hour))
	require.NoError(t, err)

	changes := w.changes(webhook.ChangeFilter{})
	var kinds, before, after []string
	for _, c := range changes {
		kinds, before, after = append(kinds, string(c.Change)), append(before, string(c.Before)), append(after, string(c.After))
		assert.Equal(t, []string{org, w.endpoint.ID}, []string{c.OrganizationID, c.EndpointID})
	}
	assert.Equal(t, []string{"enabled", "disabled", "secret_regenerated", "updated", "created"}, kinds)
	assert.JSONEq(t, `{"status":"disabled","disabledAt":"2024-05-06T10:08:09.123456Z","disabledReason":"manual"}`, before[0])
	assert.JSONEq(t, `{"status":"active"}`, after[0])
	assert.JSONEq(t, `{"signingSecret":"****"}`, before[2])
	assert.JSONEq(t, `{"signingSecret":"****"}`, after[2])
	assert.JSONEq(t, `{"name":"n","url":"https://example.com","maxRetries":5,"rateLimit":0,"subscribedEventTypes":[],"headers":{"X-A":"****","X-B":"****"}}`, before[3])
	assert.JSONEq(t, `{"name":"new","url":"https://new.example.com/","description":"d","maxRetries":0,"rateLimit":7,"subscribedEventTypes":["run.*"],
		"retrySchedule":[1,86400],"timeoutSeconds":30,"payload":"data","signatureHeader":"X-Signature","metadata":{"team":"blue"},"headers":{"X-A":"****"}}`, after[3])
	assert.Equal(t, "{}", before[4])
	assert.Contains(t, after[4], `"status":"active"`)
	assert.NotContains(t, fmt.Sprint(before, after), "canary")

	at := func(c webhook.EndpointChanged) time.Time { return c.At }
	assert.Equal(t, []string{"manual", "key_x"}, []string{changes[1].Reason, changes[1].By})
	assert.Equal(t, changes[1:3], w.changes(webhook.ChangeFilter{From: at(changes[2]), To: at(changes[0])}), "from is inclusive, to is not")
	assert.Equal(t, changes[3:4], w.changes(webhook.ChangeFilter{By: "key_y", EndpointID: w.endpoint.ID}))
	assert.Empty(t, w.changes(webhook.ChangeFilter{EndpointID: "ep_other"}))
	list, err := s.ListEndpointChanges(w.ctx, webhook.ChangeFilter{OrganizationID: org}, webhook.Page{Limit: 2, After: changes[1].ID})
	require.NoError(t, err)
	assert.Equal(t, changes[2:4], list.Items)
	assert.True(t, list.HasMore)
	list, err = s.ListEndpointChanges(w.ctx, webhook.ChangeFilter{OrganizationID: other}, webhook.Page{Limit: 2})
	require.NoError(t, err)
	assert.Empty(t, list.Items)
}

// testChangeNothing makes changes that change no field: nothing is written, and nothing recorded.
func testChangeNothing(t *testing.T, s *store.Store) {
	w := world{t: t, ctx: t.Context(), store: s, endpoint: sealedWorld(t, s, 1).endpoint}
	for name, apply := range map[string]func(*webhook.Endpoint) error{
		"nothing":      func(*webhook.Endpoint) error { return nil },
		"same name":    func(e *webhook.Endpoint) error { e.Name = w.endpoint.Name; return nil },
		"same headers": func(e *webhook.Endpoint) error { e.Headers = w.endpoint.Headers; return nil },
		"empty lists": func(e *webhook.Endpoint) error {
			e.SubscribedEventTypes, e.RetrySchedule, e.Metadata = []string{}, []int{}, map[string]string{}
			return nil
		},
	} {
		changed, err := w.update(start.Add(time.Hour), apply)
		require.NoError(t, err)
		assert.Equal(t, w.endpoint.UpdatedAt, changed.UpdatedAt, name)
	}
	assert.Len(t, w.changes(webhook.ChangeFilter{}), 1)
}

// testChangeRefused makes changes that are refused, or whose endpoint is not there.
func testChangeRefused(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	refusal := errors.New("no")
	_, err := w.update(start, func(e *webhook.Endpoint) error { e.Name = "new"; return refusal })
	require.ErrorIs(t, err, refusal)
	change := webhook.EndpointChange{Kind: webhook.ChangeUpdated, At: start, Apply: func(e *webhook.Endpoint) error { e.Name = "new"; return nil }}
	_, err = s.ChangeEndpoint(w.ctx, other, w.endpoint.ID, change)
	requireNotFound(t, err)
	found, err := s.FindEndpoint(w.ctx, org, w.endpoint.ID)
	require.NoError(t, err)
	assert.Equal(t, w.endpoint.Name, found.Name)
	assert.Len(t, w.changes(webhook.ChangeFilter{}), 1)

	deleted, err := w.update(start, func(e *webhook.Endpoint) error { e.DeletedAt = start; return nil })
	require.NoError(t, err)
	assert.Equal(t, start, deleted.DeletedAt)
	_, err = s.ChangeEndpoint(w.ctx, org, w.endpoint.ID, change)
	requireNotFound(t, err)
	_, err = s.FindEndpoint(w.ctx, org, w.endpoint.ID)
	requireNotFound(t, err)
	list, err := s.ListEndpoints(w.ctx, webhook.EndpointFilter{OrganizationID: org}, webhook.Page{Limit: 10})
	require.NoError(t, err)
	assert.Empty(t, list.Items)
	active, err := s.ListActiveEndpoints(w.ctx, org)
	require.NoError(t, err)
	assert.Empty(t, active)
	assert.Len(t, w.changes(webhook.ChangeFilter{EndpointID: w.endpoint.ID}), 2, "the changes stay")
}

// testChangesConcurrent changes one endpoint concurrently, with one time. Each change is applied to the one before.
func testChangesConcurrent(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	const count = 8
	var group sync.WaitGroup
	for i := range count {
		group.Go(func() {
			_, err := w.update(start, func(e *webhook.Endpoint) error {
				e.RateLimit++
				if i == 0 {
					e.Name = "new"
				}
				return nil
			})
			assert.NoError(t, err)
		})
	}
	group.Wait()
	found, err := s.FindEndpoint(w.ctx, org, w.endpoint.ID)
	require.NoError(t, err)
	assert.Equal(t, count, found.RateLimit)
	assert.Equal(t, "new", found.Name)
	changes := w.changes(webhook.ChangeFilter{})
	require.Len(t, changes, count+1)
	for i := range count {
		assert.True(t, changes[i].At.After(changes[i+1].At), "times ascend with the IDs")
		assert.Contains(t, string(changes[i].After), fmt.Sprintf(`"rateLimit":%d`, count-i))
	}
}

// testPurgeChanges purges changes by their age, and then by their number.
func testPurgeChanges(t *testing.T, s *store.Store) {
	w, beside := newWorld(t, s), newWorld(t, s)
	for i := range 6 {
		_, err := w.update(start.Add(time.Duration(i+1)*time.Hour), func(e *webhook.Endpoint) error { e.RateLimit++; return nil })
		require.NoError(t, err)
	}
	purge := func(before time.Time, most int) (total int64) {
		for {
			purged, err := s.PurgeEndpointChanges(w.ctx, before, most, 2)
			require.NoError(t, err)
			assert.LessOrEqual(t, purged, int64(2))
			if total += purged; purged == 0 {
				return total
			}
		}
	}
	all := w.changes(webhook.ChangeFilter{EndpointID: w.endpoint.ID})
	require.Len(t, all, 7)
	assert.EqualValues(t, 4, purge(start.Add(3*time.Hour), 100), "both creations, and two changes")
	assert.Equal(t, all[:4], w.changes(webhook.ChangeFilter{EndpointID: w.endpoint.ID}))
	assert.EqualValues(t, 3, purge(start, 1))
	assert.Equal(t, all[:1], w.changes(webhook.ChangeFilter{EndpointID: w.endpoint.ID}), "the newest stays")
	assert.Empty(t, w.changes(webhook.ChangeFilter{EndpointID: beside.endpoint.ID}))
}

// testChangesObserved expects that an observer gets what is recorded, and nothing else.
func testChangesObserved(t *testing.T, s *store.Store) {
	var observed []webhook.EndpointChanged
	ctx := webhook.ObservingChanges(t.Context(), func(made webhook.EndpointChanged) { observed = append(observed, made) })
	endpoint := webhook.NewEndpoint(org, "key_x", webhook.EndpointSpec{Name: "n", URL: "https://example.com"}, "whsec_one", start)
	require.NoError(t, s.CreateEndpoint(ctx, endpoint))
	require.Error(t, s.CreateEndpoint(ctx, endpoint), "it exists")
	for range 2 {
		_, err := s.ChangeEndpoint(ctx, org, endpoint.ID, webhook.Pausing("key_x", start.Add(time.Hour)))
		require.NoError(t, err)
	}
	refused := errors.New("refused")
	_, err := s.ChangeEndpoint(ctx, org, endpoint.ID, webhook.EndpointChange{Apply: func(*webhook.Endpoint) error { return refused }})
	require.ErrorIs(t, err, refused)
	_, err = s.ChangeEndpoint(ctx, org, "ep_none", webhook.Pausing("key_x", start))
	requireNotFound(t, err)
	current, err := s.ChangeEndpoint(ctx, org, endpoint.ID, webhook.Resuming("key_x", start.Add(2*time.Hour)))
	require.NoError(t, err)

	w := world{t: t, ctx: ctx, store: s, endpoint: current, record: s.RecordOutcome}
	_, first := w.publish()
	_, second := w.publish()
	w.attempt(first, 410)
	w.attempt(second, 410)
	recorded := changesOf(t, s, endpoint.ID)
	slices.Reverse(recorded)
	assert.Equal(t, recorded, observed)
	require.Len(t, observed, 4)
	assert.Equal(t, []string{"endpoint.created", "endpoint.disabled"}, []string{observed[0].AuditAction(), observed[3].AuditAction()})
	assert.Equal(t, webhook.BySystem, observed[3].By)
}
