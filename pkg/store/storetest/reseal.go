package storetest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/keyring"
	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

// RunReseal runs the tests of key rotations. open returns a function that opens one migrated database with different keys. Each test gets its
// own database.
func RunReseal(t *testing.T, open func(t *testing.T) func(store.Sealer) *store.Store) {
	for name, test := range map[string]func(*testing.T, func(store.Sealer) *store.Store){
		"everything is readable with the newest key alone": testResealAll,
		"recorded answers":                         testResealAnswers,
		"broken off and begun anew":                testResealResumed,
		"beside rotations":                         testResealBesideRotations,
		"what cannot be opened is left and named":  testResealUnreadable,
		"keys that are not in the ring are named":  testMissingKeys,
		"keys of headers that are not in the ring": testMissingHeaderKeys,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

func newKey(t *testing.T) string {
	t.Helper()
	key, err := keyring.Generate()
	require.NoError(t, err)
	return key
}

func ring(t *testing.T, keys string) *keyring.Keyring {
	t.Helper()
	parsed, err := keyring.Parse(keys)
	require.NoError(t, err)
	return parsed
}

// sealedWorld returns a world whose endpoint has a secret and headers.
func sealedWorld(t *testing.T, s *store.Store, i int) world {
	t.Helper()
	w := world{t: t, ctx: t.Context(), store: s, record: s.RecordOutcome}
	w.endpoint = webhook.NewEndpoint(org, "", webhook.EndpointSpec{
		Name: "n", URL: "https://example.com", Headers: map[string]webhook.Secret{"X-A": webhook.Secret(fmt.Sprint("a", i)), "X-B": "b"},
	}, webhook.Secret(fmt.Sprint("whsec_", i)), start)
	require.NoError(t, s.CreateEndpoint(t.Context(), w.endpoint))
	return w
}

// resealAll reseals all endpoints in batches of two.
func resealAll(t *testing.T, s *store.Store) (seen, changed int, unreadable []string) {
	t.Helper()
	after := ""
	for {
		batch, err := s.ResealEndpoints(t.Context(), after, 2)
		require.NoError(t, err)
		seen += batch.Seen
		changed += batch.Changed
		for id := range batch.Unreadable {
			unreadable = append(unreadable, id)
		}
		if batch.Last == "" {
			return seen, changed, unreadable
		}
		require.Greater(t, batch.Last, after)
		after = batch.Last
	}
}

func testResealAll(t *testing.T, open func(store.Sealer) *store.Store) {
	older, newest := newKey(t), newKey(t)
	before, during, after := open(ring(t, older)), open(ring(t, newest+","+older)), open(ring(t, newest))
	var worlds []world
	for i := range 5 {
		worlds = append(worlds, sealedWorld(t, before, i))
	}
	worlds = append(worlds, newWorld(t, before)) // without headers
	_, err := Rotate(t.Context(), before, org, worlds[0].endpoint.ID, "whsec_two", time.Hour, start)
	require.NoError(t, err)
	sealedWorld(t, during, 6) // sealed with the newest key from the beginning
	_, d := worlds[0].publish()
	_, err = after.LoadDispatch(t.Context(), d.ID)
	require.Error(t, err, "not readable with the newest key as yet")

	seen, changed, unreadable := resealAll(t, during)
	assert.Equal(t, []int{7, 6, 0}, []int{seen, changed, len(unreadable)})
	for i, w := range worlds {
		want := w.endpoint
		want.SubscribedEventTypes = []string{} // as it is read back
		w.store = after
		_, d := w.publish()
		for way, dispatch := range w.loads(d.ID) {
			assert.Equal(t, want.Headers, dispatch.Endpoint.Headers, way)
			if i > 0 {
				assert.Equal(t, want, dispatch.Endpoint, "nothing else has changed")
			} else {
				assert.Equal(t, []webhook.Secret{"whsec_two", "whsec_0"}, dispatch.Endpoint.LiveSecrets(start))
			}
		}
		_, err := before.LoadDispatch(t.Context(), d.ID)
		require.ErrorIs(t, err, keyring.ErrUnknownKey, "the older key opens nothing any more")
	}
	_, changed, _ = resealAll(t, during)
	assert.Zero(t, changed, "once more is nothing to do")
}

func testResealResumed(t *testing.T, open func(store.Sealer) *store.Store) {
	older, newest := newKey(t), newKey(t)
	before, during := open(ring(t, older)), open(ring(t, newest+","+older))
	for i := range 5 {
		sealedWorld(t, before, i)
	}
	first, err := during.ResealEndpoints(t.Context(), "", 3)
	require.NoError(t, err)
	assert.Equal(t, []int{3, 3}, []int{first.Seen, first.Changed})

	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = during.ResealEndpoints(gone, first.Last, 3)
	require.ErrorIs(t, err, context.Canceled)

	seen, changed, _ := resealAll(t, during)
	assert.Equal(t, []int{5, 2}, []int{seen, changed}, "what was done is not done again")
}

// testResealBesideRotations reseals while services with the older key rotate secrets.
func testResealBesideRotations(t *testing.T, open func(store.Sealer) *store.Store) {
	older, newest := newKey(t), newKey(t)
	before, during := open(ring(t, older+","+newest)), open(ring(t, newest+","+older))
	w := sealedWorld(t, before, 0)
	const rotations = 20
	var group sync.WaitGroup
	group.Go(func() {
		for i := range rotations {
			_, err := Rotate(w.ctx, before, org, w.endpoint.ID, webhook.Secret(fmt.Sprint("whsec_r", i)), time.Hour, start)
			assert.NoError(t, err)
		}
	})
	group.Go(func() {
		for range rotations {
			batch, err := during.ResealEndpoints(w.ctx, "", 10)
			assert.NoError(t, err)
			assert.Empty(t, batch.Unreadable)
		}
	})
	group.Wait()
	resealAll(t, during)
	w.store = open(ring(t, newest))
	assert.Len(t, w.liveSecrets(start), rotations+1, "no secret was lost to the other side")
}

func testResealUnreadable(t *testing.T, open func(store.Sealer) *store.Store) {
	older, newest := newKey(t), newKey(t)
	before, foreign, during := open(ring(t, older)), open(ring(t, newKey(t))), open(ring(t, newest+","+older))
	sealedWorld(t, before, 0)
	lost := sealedWorld(t, foreign, 1)
	sealedWorld(t, before, 2)

	seen, changed, unreadable := resealAll(t, during)
	assert.Equal(t, []int{3, 2}, []int{seen, changed}, "one does not keep the others back")
	assert.Equal(t, []string{lost.endpoint.ID}, unreadable)
	lost.store = foreign
	assert.Equal(t, []webhook.Secret{"whsec_1"}, lost.liveSecrets(start), "with its own key it is what it was")
}
