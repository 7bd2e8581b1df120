package httpapi

import (
	"context"
	"crypto/sha256"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/api-service/internal/endpoints"
	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

// awayOnce is a store that is unavailable for the first creation of an endpoint. With committed, the creation has an effect all the same. With
// observed, its request gets the result.
type awayOnce struct {
	*store.Store
	committed bool
	observed  bool
	failed    bool
}

func (a *awayOnce) CreateEndpoint(ctx context.Context, e webhook.Endpoint) error {
	if a.failed {
		return a.Store.CreateEndpoint(ctx, e)
	}
	a.failed = true
	if !a.observed {
		ctx = webhook.ObservingChanges(ctx, func(webhook.EndpointChanged) {})
	}
	if a.committed {
		if err := a.Store.CreateEndpoint(ctx, e); err != nil {
			return err
		}
	}
	return webhook.Unavailable(time.Second, nil)
}

func TestIdempotencyKeyOfRefusedRequestCanBeUsedAgain(t *testing.T) {
	s := newService(t).withKeys(t)
	refused(t, s.withKey(t, "a", "POST", base, `{"name": "n"}`), 400, "required")
	refused(t, s.withKey(t, "a", "POST", base, `{`), 400, "malformed_json")
	made := s.withKey(t, "a", "POST", base, createBody)
	granted(t, made)
	assert.False(t, isReplayed(t, made))
	assert.True(t, isReplayed(t, s.withKey(t, "a", "POST", base, createBody)))

	refused(t, s.withKey(t, "b", "POST", base+"/events", `{}`), 400, "required")
	published := s.withKey(t, "b", "POST", base+"/events", publishBody)
	granted(t, published)
	assert.False(t, isReplayed(t, published))

	s.endpoint(t, s.writer)
	d := s.delivery(t, s.writer)
	refused(t, s.withKey(t, "c", "POST", deliveries+"/"+d+"/retry", ""), 400, "delivery_not_failed")
	again := s.withKey(t, "c", "POST", deliveries+"/"+d+"/replay", "")
	granted(t, again)
	assert.False(t, isReplayed(t, again))
}

// Of a request that was answered 503, the effect may have been committed. The repeated request then finds it.
func TestIdempotencyKeyOfUnavailableRequestCanBeUsedAgain(t *testing.T) {
	for _, committed := range []bool{false, true} {
		s := newService(t).withKeys(t)
		limited := serve(t, s.store, func(d *Dependencies) {
			d.Registry = endpoints.New(&awayOnce{Store: s.store, committed: committed}, anywhere{})
			d.Calls = &blindOnce{CallStore: s.store}
		})
		limited.writer = s.writer
		refused(t, limited.withKey(t, "a", "POST", base, createBody), 503, "database_unavailable")
		made := limited.withKey(t, "a", "POST", base, createBody)
		granted(t, made)
		assert.Equal(t, committed, isReplayed(t, made))
		list, _ := granted(t, s.call(t, "GET", base, s.reader, ""))["items"].([]any)
		assert.Len(t, list, 1, "one endpoint, committed: %t", committed)
	}
}

// blindOnce is unavailable for the second look, which a failed call makes.
type blindOnce struct {
	CallStore
	looks int
}

func (b *blindOnce) FindRecorded(ctx context.Context, organizationID string, hashes [][sha256.Size]byte) (map[[sha256.Size]byte]webhook.Recorded, error) {
	if b.looks++; b.looks == 2 {
		return nil, webhook.Unavailable(time.Second, nil)
	}
	return b.CallStore.FindRecorded(ctx, organizationID, hashes)
}

// nothingRecorded is a store without a record.
type nothingRecorded struct{}

func (nothingRecorded) FindRecorded(context.Context, string, [][sha256.Size]byte) (map[[sha256.Size]byte]webhook.Recorded, error) {
	return map[[sha256.Size]byte]webhook.Recorded{}, nil
}

func (nothingRecorded) TakeAudit(context.Context, string, [sha256.Size]byte) (bool, error) {
	return false, nil
}

// callInProgress makes a keyed call whose first request is in progress for a time, and returns the answer and how often the call was made.
func callInProgress(ctx context.Context, t *testing.T, taken error, busy time.Duration) (answer *httptest.ResponseRecorder, tries int) {
	t.Helper()
	calls := keyedCalls{store: nothingRecorded{}, routes: map[string]keyedRoute{"POST " + base: {again: asRecorded}}}
	request := httptest.NewRequestWithContext(ctx, http.MethodPost, base, strings.NewReader(createBody))
	request.Header.Set(headerIdempotencyKey, "order-1")
	answer = httptest.NewRecorder()
	c := echo.New().NewContext(request, answer)
	began := time.Now()
	err := calls.once(c, route{method: http.MethodPost, path: base}, func() error {
		if tries++; time.Since(began) < busy {
			return taken
		}
		return c.NoContent(http.StatusOK)
	})
	if err != nil {
		handleError(err, c)
	}
	return answer, tries
}

func TestCallInProgressAnsweredAfterFiveSeconds(t *testing.T) {
	for _, taken := range []error{webhook.ErrIdempotencyInProgress, webhook.ErrIdempotencyKeyTaken} {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			a, tries := callInProgress(t.Context(), t, taken, time.Hour)
			assert.Equal(t, http.StatusConflict, a.Code)
			assert.Contains(t, a.Body.String(), "idempotency_in_progress")
			assert.Equal(t, "1", a.Header().Get("Retry-After"))
			assert.GreaterOrEqual(t, time.Since(began), callWait)
			assert.Less(t, time.Since(began), callWait+lastCallPause)
			assert.Less(t, tries, 30, "the pauses grow")

			began = time.Now()
			a, _ = callInProgress(t.Context(), t, taken, callWait-time.Second)
			assert.Equal(t, http.StatusOK, a.Code, "the first request has failed meanwhile")
			assert.Less(t, time.Since(began), callWait)

			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			began = time.Now()
			callInProgress(ctx, t, taken, time.Hour)
			assert.Equal(t, time.Second, time.Since(began), "the caller is gone")
		})
	}
}

// The document lists 409 for each route that takes a key, and for no other but the one of an organization that is being erased.
func TestDocumentListsConflictOfKeyedRoutes(t *testing.T) {
	document := document(t)
	var documented []string
	for path, item := range document.Paths.Map() {
		for method, operation := range item.Operations() {
			if operation.Responses.Value("409") != nil {
				documented = append(documented, method+" "+strings.ReplaceAll(path, "{id}", ":id"))
			}
		}
	}
	want := []string{"PUT " + tenants + "/:id", "POST " + base + "/events", "POST " + base + "/events/batch"}
	for name := range newKeyedCalls(Dependencies{}, budget{}).routes {
		want = append(want, name)
	}
	slices.Sort(documented)
	slices.Sort(want)
	require.Equal(t, want, documented)
}
