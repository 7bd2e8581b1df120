package deliveries

import (
	"context"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"redrive/api-service/internal/console/webtest"
	"redrive/pkg/memory"
	"redrive/pkg/signing"
	"redrive/pkg/webhook"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	start      = time.Date(2026, 11, 28, 10, 0, 0, 0, time.UTC)
	deliveryID = webhook.NewID(webhook.KindDelivery, start)
	eventID    = webhook.NewID(webhook.KindEvent, start)
	endpointID = webhook.NewID(webhook.KindEndpoint, start)
)

const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// stored is a store with one delivery.
type stored struct {
	record   webhook.Record
	endpoint webhook.Endpoint
}

func (s stored) FindDelivery(_ context.Context, organizationID, id string) (webhook.Record, error) {
	if organizationID != webtest.OrganizationID || id != s.record.Delivery.ID {
		return webhook.Record{}, webhook.NotFound("delivery", id)
	}
	return s.record, nil
}

func (s stored) SizeDelivery(ctx context.Context, organizationID, id string) (webhook.Sized, error) {
	_, err := s.FindDelivery(ctx, organizationID, id)
	return webhook.Sized{ID: id, Bytes: 100}, err
}

func (s stored) ReadDeliveriesWithoutBodies(ctx context.Context, organizationID string, ids []string) ([]webhook.Record, error) {
	if record, err := s.FindDelivery(ctx, organizationID, ids[0]); err == nil {
		return []webhook.Record{record}, nil
	}
	return nil, nil
}

func (s stored) LoadEndpoints(context.Context, []string) ([]webhook.Endpoint, []error) {
	return []webhook.Endpoint{s.endpoint}, []error{nil}
}

// failed is a store with a delivery that failed, whose receiver answered bytes that are no text.
func failed() stored {
	d := webhook.Delivery{
		ID: deliveryID, OrganizationID: webtest.OrganizationID, EndpointID: endpointID, EventID: eventID, Status: webhook.StatusFailure, CreatedAt: start, UpdatedAt: start,
	}
	event := webhook.Event{ID: eventID, OrganizationID: webtest.OrganizationID, Type: "run.finished", Data: []byte(`{"big":1000000000000000000000000000000,"price":1.10}`), CreatedAt: start}
	attempt := webhook.Attempt{
		Number: 1, StartedAt: start, Outcome: webhook.AttemptFailure, ResponseStatus: 500, ResponseBody: []byte("a\xff\x00"),
		RequestHeaders:  map[string]string{"Webhook-Timestamp": "1614265330", "Webhook-Signature": "v1,recorded", "X-Tenant": "****"},
		ResponseHeaders: map[string]string{"X-Answer": webtest.Hostile},
	}
	return stored{webhook.Record{Delivery: d, Event: event, LastAttempt: &attempt}, webhook.Endpoint{
		ID: endpointID, SigningSecrets: []webhook.SigningSecret{{Value: secret}},
	}}
}

func console(t *testing.T, s stored) *webtest.Console {
	c := webtest.New(t, Routes(Bodies{Store: s, Memory: memory.New(0)}))
	const api = "/v1/execution-webhooks"
	c.Answer("GET "+api+"/deliveries/"+deliveryID+"/explain", webtest.Reply{Data: webtest.JSON(map[string]any{
		"summary": "It failed " + webtest.Hostile, "code": "exhausted", "eventId": eventID, "causes": []any{}, "queue": map[string]any{"state": "archived"},
	})})
	c.Answer("GET "+api+"/deliveries/"+deliveryID+"/attempts", webtest.Reply{Data: webtest.JSON(map[string]any{"items": []any{
		map[string]any{"number": 1, "startedAt": "2026-11-28T10:00:00Z", "outcome": "failure", "responseStatus": 500, "errorMessage": webtest.Hostile, "errorCode": "http_status"},
	}})})
	c.Answer("GET "+api+"/deliveries", webtest.Reply{Data: webtest.JSON(map[string]any{"items": []any{
		map[string]any{"id": deliveryID, "endpointId": endpointID, "eventType": webtest.Hostile, "status": "failure", "createdAt": "2026-11-28T10:00:00Z"},
	}, "hasMore": true, "nextCursor": "abc"})})
	c.Answer("GET "+api+"/"+endpointID, webtest.Reply{Data: webtest.JSON(map[string]any{"id": endpointID, "name": webtest.Hostile, "url": "https://hooks.example.com", "status": "active"})})
	c.Answer("GET "+api, webtest.Reply{Data: webtest.JSON(map[string]any{"items": []any{map[string]any{"id": endpointID, "name": webtest.Hostile, "status": "active"}}})})
	c.Answer("GET "+api+"/stats", webtest.Reply{Data: webtest.JSON(map[string]any{"waiting": map[string]any{"pending": 10_000, "capped": true}, "totals": map[string]any{"failed": 1234}})})
	return c
}

func TestDelivery(t *testing.T) {
	c := console(t, failed())
	page := c.Get(webtest.Writer, "deliveries/"+deliveryID)
	require.Equal(t, 200, page.Status)
	text := page.Text()
	for _, part := range []string{
		"It failed <script>", "exhausted", "1000000000000000000000000000000", "1.10", "X-Tenant ****", "61 ff 00", "500 Internal Server Error", "Retry", "Replay as a new delivery",
	} {
		assert.Contains(t, text, part)
	}
	assert.NotContains(t, text, "Cancel", "it does not wait")
	reader := c.Get(webtest.Reader, "deliveries/"+deliveryID).Text()
	assert.NotContains(t, reader, "Replay as a new delivery")
	assert.Contains(t, reader, "This session is read-only.")
	assert.Equal(t, 404, c.Get(webtest.Writer, "deliveries/"+webhook.NewID(webhook.KindDelivery, start)).Status)
	assert.Equal(t, 404, c.Get(webtest.Writer, "deliveries/nothing").Status)
}

func TestSignatureIsRecomputed(t *testing.T) {
	s := failed()
	body, err := s.record.Event.Body()
	require.NoError(t, err)
	key, err := signing.Parse(secret)
	require.NoError(t, err)
	right, err := signing.Sign(deliveryID, time.Unix(1614265330, 0), body, key)
	require.NoError(t, err)
	c := console(t, s)
	page := c.Get(webtest.Reader, "deliveries/"+deliveryID+"?check=true&signature="+url.QueryEscape("v1,other "+right)).Text()
	assert.Contains(t, page, right)
	assert.Contains(t, page, "✓ Matches")
	assert.Contains(t, page, deliveryID+".1614265330.{", "the text that is signed")
	assert.Contains(t, page, "Matches no secret that signs now", "the recorded header is another")
	assert.NotContains(t, page, secret[6:])
	assert.Contains(t, c.Get(webtest.Reader, "deliveries/"+deliveryID+"?check=true&signature=v1,x").Text(), "Does not match")
	assert.NotContains(t, c.Get(webtest.Reader, "deliveries/"+deliveryID).Text(), right, "only if it is asked for")
}

func TestDownloadsAreExactAttachments(t *testing.T) {
	s := failed()
	body, err := s.record.Event.Body()
	require.NoError(t, err)
	c := console(t, s)
	for part, want := range map[string]string{"request-body": string(body), "response-body": "a\xff\x00"} {
		answer := c.Get(webtest.Reader, "deliveries/"+deliveryID+"/"+part)
		assert.Equal(t, want, answer.Body, part)
		assert.Contains(t, answer.Header.Get("Content-Disposition"), "attachment; filename="+deliveryID)
		assert.Equal(t, "application/octet-stream", answer.Header.Get("Content-Type"))
	}
	s.endpoint.Payload = webhook.PayloadData
	assert.Equal(t, string(s.record.Event.Data), console(t, s).Get(webtest.Reader, "deliveries/"+deliveryID+"/request-body").Body)
	assert.Equal(t, 404, c.Get(webtest.Reader, "deliveries/nothing/request-body").Status)
}

func TestList(t *testing.T) {
	c := console(t, failed())
	page := c.Get(webtest.Writer, "deliveries?status=failure&endpointId="+endpointID+"&unknown=1")
	require.Equal(t, 200, page.Status)
	var asked url.Values
	for _, call := range c.Calls("GET") {
		if call.Path == "/v1/execution-webhooks/deliveries" {
			asked = call.Query
		}
	}
	assert.Equal(t, url.Values{"status": {"failure"}, "endpointId": {endpointID}, "limit": {"50"}, "bodies": {"false"}}, asked)
	for _, part := range []string{"Pending 10,000+", "Failure 1,234 in 24 h", "Status: failure", "Next page", "All that match…", "<script>"} {
		assert.Contains(t, page.Text(), part)
	}
	assert.Contains(t, page.Body, "/bulk-jobs/new?endpointId="+endpointID+"&amp;status=failure")
	assert.Contains(t, page.Body, "cursor=abc")
	assert.Contains(t, page.Text(), "There is no filter unknown")

	c.Answer("GET /v1/execution-webhooks/deliveries", webtest.Reply{Status: 400, Reason: "out_of_range", Message: "responseStatus must be 503 or 5xx"})
	refused := c.Get(webtest.Reader, "deliveries?responseStatus=x")
	assert.Equal(t, 200, refused.Status)
	assert.Contains(t, refused.Text(), "responseStatus must be 503 or 5xx")
}

func TestActions(t *testing.T) {
	const api = "POST /v1/execution-webhooks/deliveries/"
	other := webhook.NewID(webhook.KindDelivery, start)
	again := webtest.Reply{Data: webtest.JSON(map[string]any{"id": deliveryID}), Replayed: true}
	refused := webtest.Reply{Status: 400, Reason: "delivery_not_failed", Message: "only a failed delivery can be retried"}
	for name, x := range map[string]struct {
		action   string
		reply    webtest.Reply
		kind     string
		location string
	}{
		"retry":   {"retry", webtest.Reply{Data: webtest.JSON(map[string]any{"id": deliveryID})}, "done", deliveryID},
		"again":   {"retry", again, "same", deliveryID},
		"second":  {"retry", refused, "same", deliveryID},
		"refused": {"retry", webtest.Reply{Status: 400, Reason: "endpoint_disabled", Message: "enable it first"}, "failed", deliveryID},
		"replay":  {"replay", webtest.Reply{Data: webtest.JSON(map[string]any{"id": other})}, "done", other},
		"cancel":  {"cancel", webtest.Reply{Data: webtest.JSON(map[string]any{"id": deliveryID})}, "done", deliveryID},
	} {
		c := console(t, failed())
		c.Answer(api+deliveryID+"/"+x.action, x.reply)
		page := c.Post(webtest.Writer, "deliveries/"+deliveryID+"/"+x.action, url.Values{"once": {"console-1"}})
		assert.Equal(t, webtest.Path("deliveries/"+x.location), page.Location, name)
		assert.Equal(t, x.kind, page.FlashKind, name)
		assert.Equal(t, "console-1", c.Call("POST").Key, name)
	}
	c := console(t, failed())
	assert.Equal(t, 403, c.Post(webtest.Reader, "deliveries/"+deliveryID+"/retry", nil).Status)
	assert.Equal(t, 404, c.Post(webtest.Writer, "deliveries/"+deliveryID+"/destroy", nil).Status)
	assert.Empty(t, c.Calls("POST"))

	c.Answer(api+deliveryID+"/retry", webtest.Reply{Data: webtest.JSON(map[string]any{"id": deliveryID})})
	c.Answer(api+other+"/retry", refused)
	page := c.Post(webtest.Writer, "deliveries", url.Values{"action": {"retry"}, "id": {deliveryID, other}, "query": {"status=failure"}, "once": {"k"}})
	assert.Equal(t, "Retry: 1 of 2. Not changed, not in failure: 1.", page.Flash)
	assert.Equal(t, webtest.Path("deliveries")+"?status=failure", page.Location)
	assert.Equal(t, "failed", c.Post(webtest.Writer, "deliveries", url.Values{"action": {"retry"}}).FlashKind, "nothing was selected")
	assert.Equal(t, 400, c.Post(webtest.Writer, "deliveries", url.Values{"action": {"destroy"}, "id": {deliveryID}}).Status)
}
