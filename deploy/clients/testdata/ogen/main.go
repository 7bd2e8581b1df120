// Command drive calls every operation of a Redrive with the client that ogen generates. A delivery fails, is retried and succeeds.
// The first unexpected answer ends the program.
package main

import (
	"context"
	"errors"
	"io"
	"log"
	"os"
	"strings"
	"time"

	"github.com/go-faster/jx"

	"clients/redrive"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	client, err := redrive.NewClient(os.Getenv("REDRIVE_URL"), key{})
	if err != nil {
		log.Panic(err)
	}
	d := driver{ctx, client}
	endpoint := d.endpoints()
	d.deliveries(endpoint)
	d.batch()
	d.keys()
	d.document()
}

type key struct{}

func (key) ApiKey(context.Context, redrive.OperationName) (redrive.ApiKey, error) {
	return redrive.ApiKey{Token: os.Getenv("REDRIVE_API_KEY")}, nil
}

type driver struct {
	ctx context.Context
	*redrive.Client
}

func (d driver) endpoints() string {
	made := answer[*redrive.EndpointWithSecretHeaders](d.CreateEndpoint(d.ctx, &redrive.EndpointCreate{
		Name: "generated", URL: os.Getenv("RECEIVER_URL"), MaxRetries: redrive.NewOptInt(0),
		Headers: redrive.NewOptEndpointCreateHeaders(redrive.EndpointCreateHeaders{"X-Team": "a"}),
	})).Response.Data
	expect(strings.HasPrefix(made.SigningSecret, "whsec_"), made.SigningSecret)
	id := string(made.Endpoint.ID)

	shown := answer[*redrive.CurrentEndpointHeaders](d.GetEndpoint(d.ctx, redrive.GetEndpointParams{ID: id})).Response.Data
	expect(shown.Status == redrive.EndpointStatusActive, shown)
	listed := answer[*redrive.EndpointPageResponseHeaders](d.ListEndpoints(d.ctx, redrive.ListEndpointsParams{})).Response.Data
	expect(listed.Items[0].ID == made.Endpoint.ID, listed)
	rotated := answer[*redrive.EndpointWithSecretHeaders](d.RegenerateEndpointSecret(d.ctx, redrive.OptSecretRegenerate{},
		redrive.RegenerateEndpointSecretParams{ID: id})).Response.Data
	expect(rotated.SigningSecret != made.SigningSecret, "the secret is the same")
	return id
}

func (d driver) deliveries(endpoint string) {
	made := answer[*redrive.PublishedEventResponseHeaders](d.PublishEvent(d.ctx, &redrive.EventPublish{
		EventType: "node.started", Data: redrive.FreeObject{"n": jx.Raw("12345678901234567890")},
	})).Response.Data
	expect(len(made.Deliveries) == 1, made)
	id := string(made.Deliveries[0].ID)
	failed := d.await(id, redrive.DeliveryStatusFailure)
	expect(strings.Contains(string(failed.RequestBody["data"]), "12345678901234567890"), failed)

	listed := answer[*redrive.DeliveryPageResponseHeaders](d.ListDeliveries(d.ctx, redrive.ListDeliveriesParams{
		EndpointId: redrive.NewOptString(endpoint), Limit: redrive.NewOptInt(1),
	})).Response.Data
	expect(listed.Items[0].ID == made.Deliveries[0].ID, listed)
	disabled := answer[*redrive.CurrentEndpointHeaders](d.DisableEndpoint(d.ctx, &redrive.EmptyObject{}, redrive.DisableEndpointParams{ID: endpoint}))
	expect(disabled.Response.Data.DisabledAt.Set, disabled)
	d.refused(id, "endpoint_disabled")
	enabled := answer[*redrive.CurrentEndpointHeaders](d.EnableEndpoint(d.ctx, nil, redrive.EnableEndpointParams{ID: endpoint}))
	expect(!enabled.Response.Data.DisabledAt.Set, enabled)

	retried := answer[delivered](d.RetryDelivery(d.ctx, nil, redrive.RetryDeliveryParams{ID: id})).GetResponse().Data
	expect(string(retried.ID) == id, retried)
	d.await(id, redrive.DeliveryStatusSuccess)
	d.refused(id, "delivery_not_failed")
	replayed := answer[delivered](d.ReplayDelivery(d.ctx, &redrive.EmptyObject{}, redrive.ReplayDeliveryParams{ID: id}))
	d.await(string(replayed.GetResponse().Data.ID), redrive.DeliveryStatusSuccess)
	attempts := answer[*redrive.AttemptPageResponseHeaders](d.ListDeliveryAttempts(d.ctx, redrive.ListDeliveryAttemptsParams{ID: id})).Response.Data
	expect(len(attempts.Items) == 2 && attempts.Items[1].Outcome == redrive.AttemptOutcomeFailure, attempts)
}

// delivered is an answer with a delivery. Operations whose answers have different headers have different types for it.
type delivered interface {
	GetResponse() redrive.DeliveryResponse
}

func (d driver) await(id string, status redrive.DeliveryStatus) redrive.Delivery {
	for {
		shown := answer[delivered](d.GetDelivery(d.ctx, redrive.GetDeliveryParams{ID: id})).GetResponse().Data
		if shown.Status == status {
			return shown
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// refused retries a delivery that cannot be retried. An error whose status the operation does not list is the default one.
func (d driver) refused(id, reason string) {
	response, err := d.RetryDelivery(d.ctx, nil, redrive.RetryDeliveryParams{ID: id})
	var other *redrive.OtherErrorStatusCodeWithHeaders
	if errors.As(err, &other) {
		expect(other.Response.Code == other.StatusCode && other.Response.Details[0].Reason == reason, other)
		return
	}
	expect(answer[*redrive.ErrorHeaders](response, err).Response.Details[0].Reason == reason, response)
}

func (d driver) batch() {
	results := answer[*redrive.PublishedBatchResponseHeaders](d.PublishEvents(d.ctx, &redrive.EventBatch{Events: []redrive.EventPublish{
		{EventType: "node.finished", Data: redrive.FreeObject{}}, {EventType: "not a type", Data: redrive.FreeObject{}},
	}})).Response.Data.Results
	expect(len(results[0].Deliveries) == 1 && results[1].Error.Value.Reason == "invalid_event_type", results)
}

func (d driver) keys() {
	made := answer[*redrive.NewAPIKeyResponseHeaders](d.CreateAPIKey(d.ctx, &redrive.APIKeyCreate{Name: "generated"})).Response.Data
	expect(made.Scope == "read" && strings.HasPrefix(made.Key, "rdk_"), "the new key")
	id := string(made.ID)
	shown := answer[*redrive.APIKeyResponseHeaders](d.GetAPIKey(d.ctx, redrive.GetAPIKeyParams{ID: id})).Response.Data
	expect(shown.KeyPrefix == made.KeyPrefix, shown)
	listed := answer[*redrive.APIKeyPageResponseHeaders](d.ListAPIKeys(d.ctx, redrive.ListAPIKeysParams{})).Response.Data
	expect(listed.Items[0].ID == made.ID, listed)
	revoked := answer[*redrive.APIKeyResponseHeaders](d.RevokeAPIKey(d.ctx, redrive.RevokeAPIKeyParams{ID: id})).Response.Data
	expect(revoked.RevokedAt.Set, revoked)
}

func (d driver) document() {
	written, err := io.ReadAll(answer[*redrive.GetOpenApiYamlOKHeaders](d.GetOpenApiYaml(d.ctx)).Response)
	expect(err == nil && strings.Contains(string(written), "openapi: 3"), err)
	converted := answer[*redrive.FreeObjectHeaders](d.GetOpenApiJson(d.ctx)).Response
	expect(string(converted["openapi"]) == `"3.0.3"`, converted["openapi"])
}

// answer is a response of the expected type.
func answer[T any](response any, err error) T {
	expect(err == nil, err)
	expected, ok := response.(T)
	expect(ok, response)
	return expected
}

func expect(holds bool, what any) {
	if !holds {
		log.Panicf("not as expected: %T %+v", what, what)
	}
}
