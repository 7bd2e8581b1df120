package app_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/api-service/app"
	"redrive/pkg/linger/lingertest"
	"redrive/pkg/webhook"
)

const (
	mebibyte   = 1 << 20
	batchLimit = 5 * mebibyte
)

// upload is a request of a client that writes its whole body before it reads.
type upload struct {
	request string // method and path
	headers []string
	size    int
	chunked bool
}

// send writes the request and then reads the answer.
func (u upload) send(t *testing.T, addr string) (*http.Response, error) {
	t.Helper()
	length := fmt.Sprintf("Content-Length: %d", u.size)
	if u.chunked {
		length = "Transfer-Encoding: chunked"
	}
	head := append([]string{u.request + " HTTP/1.1", "Host: a", length}, u.headers...)
	return lingertest.Send(lingertest.Dial(t, addr), strings.Join(head, "\r\n")+"\r\n\r\n", u.size, u.chunked)
}

func bearer(key string) string { return "Authorization: Bearer " + key }

func TestRefusalClientWritesBeforeItReadsArrivesOnEveryRoute(t *testing.T) {
	s, r := servers(t)
	o := options(s, r)
	o.Queues = app.Queues{Password: "a long password"}
	service := started(t, o)
	writer := newKey(t, s)
	key, raw := webhook.NewAPIKey(webhook.APIKeySpec{OrganizationID: "org_a", Name: "test", Scope: webhook.ScopeRead}, webhook.Now())
	require.NoError(t, s.CreateAPIKey(t.Context(), key))
	_, unknown := webhook.NewAPIKey(webhook.APIKeySpec{}, webhook.Now())
	const base = "/v1/execution-webhooks"

	var tried []trial
	add := func(status int, request string, sizes []int, headers ...string) {
		tried = append(tried, trial{upload{request: request, headers: headers}, status, sizes})
	}
	ordinary := []int{300 << 10, mebibyte, 2 * mebibyte}
	large := []int{4_900_000, batchLimit, batchLimit + mebibyte}
	for _, route := range []string{
		"POST " + base, "POST " + base + "/events", "POST " + base + "/events/batch", "POST " + base + "/ep_x/disable",
		"POST " + base + "/deliveries/dlv_x/retry", "DELETE /v1/api-keys/key_x", "GET " + base, "POST /no/such/route", "PUT " + base, "POST /",
	} {
		add(401, route, append(ordinary, large...))
		add(401, route, large, bearer("rdk_nonsense"))
		add(401, route, large, bearer(unknown.Reveal()))
		add(403, route, large, bearer(writer), "X-Org-ID: org_other")
	}
	add(403, "POST "+base+"/events/batch", large, bearer(raw.Reveal()))
	add(404, "POST "+base+"/event/batch", large, bearer(writer))
	add(405, "PUT "+base+"/events/batch", large, bearer(writer))
	add(405, "POST "+base+"/deliveries", large, bearer(writer))
	add(413, "POST "+base+"/events", []int{mebibyte + 1, 2 * mebibyte}, bearer(writer))
	add(413, "POST "+base+"/ep_01M7WV53ZTT50ZVB4VGFWDTC7B/disable", []int{2 * mebibyte}, bearer(writer))
	add(413, "POST "+base+"/events/batch", []int{batchLimit + 1, batchLimit + mebibyte}, bearer(writer))
	add(415, "POST "+base+"/events/batch", []int{4_900_000}, bearer(writer), "Content-Type: text/plain")
	add(400, "POST "+base+"/events/batch", []int{4_900_000}, bearer(writer), "Content-Type: application/json")
	add(413, "POST "+base+"/ep_x/disable", large, bearer(writer))
	add(401, "POST /queues", large)
	add(401, "POST /queues/api/queues", large, "Authorization: Basic b3BlcmF0b3I6d3Jvbmc=")
	add(200, "GET /openapi.json", large)
	add(308, "GET /docs", large)
	add(404, "GET /docs/nothing", large)
	for _, u := range tried {
		for _, size := range u.sizes {
			for _, chunked := range []bool{false, true} {
				u.size, u.chunked = size, chunked
				response, err := u.send(t, service.Addr())
				require.NoError(t, err, "%+v", u)
				assert.Equal(t, u.status, response.StatusCode, "%+v", u)
				checkEnvelope(t, response)
			}
		}
	}
}

// trial is an upload in several sizes and the expected answer.
type trial struct {
	upload
	status int
	sizes  []int
}

func checkEnvelope(t *testing.T, response *http.Response) {
	t.Helper()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	if response.StatusCode < 400 {
		return
	}
	var failure struct{ Code int }
	require.NoError(t, json.Unmarshal(text, &failure), "%s", text)
	assert.Equal(t, response.StatusCode, failure.Code)
}

func TestRateLimitClientWritesBeforeItReadsArrivesWithRetryAfter(t *testing.T) {
	s, r := servers(t)
	o := options(s, r)
	o.Limits = app.Limits{PerKey: 1, Unauthenticated: 1, Clock: func() time.Time { return time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC) }}
	service := started(t, o)
	writer := newKey(t, s)
	require.Equal(t, 200, list(t, service, writer))
	limited := 0
	for range 12 {
		for _, headers := range [][]string{nil, {bearer("rdk_x")}, {bearer(writer)}} {
			response, err := upload{"POST /v1/execution-webhooks/events/batch", headers, 4_900_000, false}.send(t, service.Addr())
			require.NoError(t, err, headers)
			checkEnvelope(t, response)
			if response.StatusCode == http.StatusTooManyRequests {
				limited++
				assert.NotEmpty(t, response.Header.Get("Retry-After"))
			}
		}
	}
	assert.Greater(t, limited, 12)
}

// The answers of an unavailable database are early answers too.
func TestUnavailableClientWritesBeforeItReadsArrives(t *testing.T) {
	s, r := servers(t)
	service := started(t, options(s, r))
	writer := newKey(t, s)
	require.NoError(t, s.Close())
	response, err := upload{"POST /v1/execution-webhooks/events/batch", []string{bearer(writer)}, 4_900_000, false}.send(t, service.Addr())
	require.NoError(t, err)
	checkEnvelope(t, response)
	assert.GreaterOrEqual(t, response.StatusCode, 500)
}
