package pages_test

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/api-service/internal/console/pages"
	"redrive/api-service/internal/console/resource"
	"redrive/api-service/internal/console/web"
	"redrive/api-service/internal/console/webtest"
	"redrive/pkg/webhook"
)

// open calls handle with a request for a page of the organization.
func open(t *testing.T, answer func(webtest.Call) webtest.Reply, handle func(*web.Request) error) *webtest.Console {
	c := webtest.New(t, []web.Route{{Method: http.MethodGet, Path: "/o/{organization}/x", For: web.Readers, Handle: func(q *web.Request) error {
		q.W.WriteHeader(http.StatusNoContent)
		return handle(q)
	}}})
	c.AnswerBy("GET /v1/execution-webhooks", answer)
	require.Equal(t, http.StatusNoContent, c.Get(webtest.Reader, "x").Status)
	return c
}

// paged answers with a number of pages of one endpoint each.
func paged(pages int) func(webtest.Call) webtest.Reply {
	return func(call webtest.Call) webtest.Reply {
		n, _ := strconv.Atoi(call.Query.Get("cursor"))
		item := map[string]any{"id": "ep_" + strconv.Itoa(n), "name": strconv.Itoa(9 - n), "status": []string{"active", "disabled"}[n%2]}
		return webtest.Reply{Data: webtest.JSON(map[string]any{"items": []any{item}, "hasMore": n+1 < pages, "nextCursor": strconv.Itoa(n + 1)})}
	}
}

func TestAllWalksToTheEnd(t *testing.T) {
	c := open(t, paged(3), func(q *web.Request) error {
		items, whole, err := pages.All[resource.Endpoint](q, "/v1/execution-webhooks")
		assert.True(t, whole)
		assert.Len(t, items, 3)
		return err
	})
	var cursors []string
	for _, call := range c.Calls(http.MethodGet) {
		assert.Equal(t, "100", call.Query.Get("limit"))
		cursors = append(cursors, call.Query.Get("cursor"))
	}
	assert.Equal(t, []string{"", "1", "2"}, cursors)
}

func TestAllEndsInLongList(t *testing.T) {
	open(t, paged(1000), func(q *web.Request) error {
		items, whole, err := pages.All[resource.Endpoint](q, "/v1/execution-webhooks")
		assert.False(t, whole)
		assert.Len(t, items, 10)
		return err
	})
}

func TestAllReturnsFailure(t *testing.T) {
	open(t, func(webtest.Call) webtest.Reply { return webtest.Reply{Status: 429, Message: "m"} }, func(q *web.Request) error {
		_, _, err := pages.All[resource.Endpoint](q, "/v1/execution-webhooks")
		assert.Equal(t, 429, web.FailureOf(err).Status)
		_, err = pages.ReadEndpoints(q)
		assert.Equal(t, 429, web.FailureOf(err).Status)
		return nil
	})
}

func TestEndpoints(t *testing.T) {
	open(t, paged(2), func(q *web.Request) error {
		endpoints, err := pages.ReadEndpoints(q)
		assert.Equal(t, []string{"9", "8", "ep_2"}, []string{endpoints.Name("ep_0"), endpoints.Name("ep_1"), endpoints.Name("ep_2")})
		assert.Equal(t, []bool{true, true, false}, []bool{endpoints.Known("ep_0"), endpoints.Known("ep_1"), endpoints.Known("ep_2")})
		assert.Equal(t, []bool{true, false, false}, []bool{endpoints.Active("ep_0"), endpoints.Active("ep_1"), endpoints.Active("ep_2")})
		sorted := endpoints.Sorted()
		assert.Equal(t, []string{"ep_1", "ep_0"}, []string{sorted[0].ID, sorted[1].ID})
		return err
	})
}

func TestFilterAndChips(t *testing.T) {
	query := url.Values{"runId": {" r ", "s"}, "endpointId": {"ep_0"}, "from": {" "}, "other": {"x"}}
	filter := pages.Filter(query, webhook.DeliveryParameters)
	assert.Equal(t, url.Values{"runId": {"r"}, "endpointId": {"ep_0"}}, filter)
	assert.Equal(t, map[string]string{"runId": "r", "endpointId": "ep_0"}, pages.Flat(filter))
	assert.Equal(t, url.Values{"endpointId": {"ep_0"}}, pages.Without(filter, "runId"))
	assert.Equal(t, url.Values{"runId": {"r"}, "endpointId": {"ep_1"}}, pages.With(filter, "endpointId", "ep_1"))
	assert.Equal(t, url.Values{"runId": {"r"}, "endpointId": {"ep_0"}}, filter, "it is not changed")
	endpoints := pages.Endpoints{"ep_0": {Name: "Billing"}}
	to := func(name string) string { return "/" + name }
	assert.Equal(t, []pages.Chip{{"Endpoint", "Billing", "/endpointId"}, {"Run", "r", "/runId"}}, pages.Chips(filter, webhook.DeliveryParameters, endpoints, to))
}

func TestLabelForEveryFilter(t *testing.T) {
	for _, name := range webhook.DeliveryParameters {
		assert.NotEmpty(t, pages.Label(name), name)
	}
}

func TestRefused(t *testing.T) {
	failure := &web.APIError{Status: 400, Message: "m", Details: []webhook.Detail{{Reason: "r"}}}
	shown, err := pages.Refused(failure)
	require.NoError(t, err)
	assert.Same(t, failure, shown)

	shown, err = pages.Refused(&web.APIError{Status: 400, Details: []webhook.Detail{{Reason: "idempotency_key_reused"}}})
	require.NoError(t, err)
	assert.Contains(t, shown.Message, "Nothing was changed.")

	for _, other := range []error{&web.APIError{Status: 503}, errors.New("broken")} {
		shown, err = pages.Refused(other)
		assert.Nil(t, shown)
		assert.Equal(t, other, err)
	}
}

func TestNumber(t *testing.T) {
	for text, want := range map[string]any{"0": int64(0), "5000": int64(5000), "-1": int64(-1), "1.5": "1.5", "": "", "many": "many", "1e3": "1e3", "99999999999999999999": "99999999999999999999"} {
		assert.Equal(t, want, pages.Number(text), text)
	}
}
