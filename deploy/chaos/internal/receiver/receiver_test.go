package receiver_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"redrive/deploy/chaos/internal/audit"
	"redrive/deploy/chaos/internal/receiver"
	"redrive/pkg/signing"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// idOf returns an ID whose script has the kind.
func idOf(t *testing.T, kind receiver.Kind) string {
	t.Helper()
	for i := range 100_000 {
		if id := fmt.Sprintf("dlv_%d", i); receiver.KindOf(id) == kind {
			return id
		}
	}
	require.FailNow(t, "no ID has this script", "%d", kind)
	return ""
}

// bench is a receiver, and a dispatcher that sends to it.
type bench struct {
	*receiver.Receiver
	client *http.Client
	secret string
}

func newBench(t *testing.T) *bench {
	t.Helper()
	r, err := receiver.New(receiver.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.Close()) })
	b := &bench{Receiver: r, client: &http.Client{Transport: &http.Transport{}}}
	t.Cleanup(b.client.CloseIdleConnections)
	b.secret, err = signing.NewSecret()
	require.NoError(t, err)
	key, err := signing.Parse(b.secret)
	require.NoError(t, err)
	r.Trust("/0/0", key)
	return b
}

func (b *bench) send(t *testing.T, id string, dispatcher int, secret string) (*http.Response, error) {
	t.Helper()
	return b.client.Do(b.request(t, t.Context(), id, dispatcher, secret))
}

func (b *bench) request(t *testing.T, ctx context.Context, id string, dispatcher int, secret string) *http.Request { //nolint:revive // a test's own context is the usual one
	t.Helper()
	body := []byte(`{"id":"evt_1"}`)
	now := time.Now()
	key, err := signing.Parse(secret)
	require.NoError(t, err)
	signature, err := signing.Sign(id, now, body, key)
	require.NoError(t, err)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, b.URL("/0/0"), bytes.NewReader(body))
	require.NoError(t, err)
	request.Header.Set("User-Agent", "Redrive/"+receiver.Version(dispatcher))
	request.Header.Set(signing.HeaderID, id)
	request.Header.Set(signing.HeaderTimestamp, fmt.Sprint(now.Unix()))
	request.Header.Set(signing.HeaderSignature, signature)
	return request
}

func (b *bench) answers(t *testing.T, id string, times int) (statuses []int) {
	t.Helper()
	for range times {
		response, err := b.send(t, id, 1, b.secret)
		if err != nil {
			statuses = append(statuses, 0)
			continue
		}
		require.NoError(t, response.Body.Close())
		statuses = append(statuses, response.StatusCode)
	}
	return statuses
}

func TestScript(t *testing.T) {
	b := newBench(t)
	for kind, want := range map[receiver.Kind][]int{
		receiver.Fine:      {200, 200},
		receiver.Failing:   {500, 200, 200},
		receiver.Throttled: {429, 200, 200},
		receiver.Closed:    {0, 200, 200},
		receiver.Reset:     {0, 200, 200},
		receiver.Slow:      {200, 200},
		receiver.Dead:      {500, 500, 500},
	} {
		assert.Equal(t, want, b.answers(t, idOf(t, kind), len(want)), "%d", kind)
	}
	for i, r := range b.Requests() {
		assert.Empty(t, r.Problem)
		assert.Equal(t, int64(i+1), r.Receipt)
		assert.Equal(t, 1, r.Dispatcher)
		assert.Equal(t, "evt_1", r.Event)
		assert.False(t, r.Answered.Before(r.Arrived))
	}
}

// The shares are those that the output of a run states.
func TestShares(t *testing.T) {
	const ids = 100_000
	counts := map[receiver.Kind]float64{}
	for i := range ids {
		counts[receiver.KindOf(fmt.Sprintf("dlv_%d", i))]++
	}
	for kind, share := range map[receiver.Kind]float64{
		receiver.Fine: .9, receiver.Failing: .05, receiver.Throttled: .02, receiver.Closed: .01, receiver.Reset: .01,
		receiver.Slow: .005, receiver.Dead: .005,
	} {
		assert.InDelta(t, share, counts[kind]/ids, .005, "%d", kind)
	}
}

func TestServeHTTPScriptDetails(t *testing.T) {
	b := newBench(t)
	response, err := b.send(t, idOf(t, receiver.Throttled), 0, b.secret)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	assert.Equal(t, "4", response.Header.Get("Retry-After"))
	assert.Equal(t, "1", response.Header.Get(receiver.ReceiptHeader))

	_, err = b.send(t, idOf(t, receiver.Reset), 0, b.secret)
	require.ErrorIs(t, err, syscall.ECONNRESET)
	_, err = b.send(t, idOf(t, receiver.Closed), 0, b.secret)
	require.Error(t, err)
	require.NotErrorIs(t, err, syscall.ECONNRESET)

	began := time.Now()
	response, err = b.send(t, idOf(t, receiver.Slow), 0, b.secret)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	assert.GreaterOrEqual(t, time.Since(began), time.Second)

	requests := b.Requests()
	require.Len(t, requests, 4)
	assert.Equal(t, 4*time.Second, requests[0].RetryAfter)
	assert.Equal(t, []int{429, 0, 0, 200}, []int{requests[0].Status, requests[1].Status, requests[2].Status, requests[3].Status})
}

func TestReceiverRecordsWrongSignature(t *testing.T) {
	b := newBench(t)
	other, err := signing.NewSecret()
	require.NoError(t, err)
	response, err := b.send(t, idOf(t, receiver.Fine), 0, other)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	assert.NotEmpty(t, b.Requests()[0].Problem)
}

func TestReceiverRecordsUnknownSender(t *testing.T) {
	b := newBench(t)
	request := b.request(t, t.Context(), idOf(t, receiver.Fine), 0, b.secret)
	request.Header.Set("User-Agent", "curl")
	response, err := b.client.Do(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	assert.Equal(t, -1, b.Requests()[0].Dispatcher)
}

// A hold keeps first requests of one dispatcher, up to its number, and no others.
func TestHold(t *testing.T) {
	b := newBench(t)
	fine := idOf(t, receiver.Fine)
	hold := b.Hold(1, 1)
	answered := make(chan error, 1)
	request := b.request(t, t.Context(), fine, 1, b.secret)
	go func() {
		response, err := b.client.Do(request)
		if err == nil {
			err = response.Body.Close()
		}
		answered <- err
	}()
	<-hold.Full()
	assert.Equal(t, []string{fine}, hold.Held())
	assert.Equal(t, []int{500}, b.answers(t, idOf(t, receiver.Dead), 1), "one is enough, and the next is not held")
	assert.Empty(t, answered)
	hold.Release()
	hold.Release()
	require.NoError(t, <-answered)
}

// A request whose client timed out is recorded as abandoned, because the client never read the answer.
func TestAbandoned(t *testing.T) {
	b := newBench(t)
	hold := b.Hold(1, 1)
	ctx, cancel := context.WithCancel(t.Context())
	request := b.request(t, ctx, idOf(t, receiver.Fine), 1, b.secret)
	go func() {
		<-hold.Full()
		cancel()
	}()
	_, err := b.client.Do(request)
	require.ErrorIs(t, err, context.Canceled)
	require.Eventually(t, func() bool { return slices.Equal([]bool{true}, abandoned(b.Requests())) }, time.Minute, time.Millisecond)
}

func abandoned(requests []audit.Request) (all []bool) {
	for _, r := range requests {
		all = append(all, r.Abandoned)
	}
	return all
}
