// Command drive calls every operation of a Redrive with the client that oapi-codegen generates. A delivery fails, is retried and
// succeeds. The first unexpected answer ends the program.
package main

import (
	"context"
	"log"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"

	"clients/redrive"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	client, err := redrive.NewClientWithResponses(os.Getenv("REDRIVE_URL"), redrive.WithRequestEditorFn(
		func(_ context.Context, r *http.Request) error {
			r.Header.Set("Authorization", "Bearer "+os.Getenv("REDRIVE_API_KEY"))
			return nil
		}))
	check(err)
	d := driver{ctx, client}
	endpoint := d.endpoints()
	d.deliveries(endpoint)
	d.batch()
	d.keys()
	d.document()
}

type driver struct {
	ctx context.Context
	*redrive.ClientWithResponses
}

func (d driver) endpoints() string {
	r := call(d.CreateEndpointWithResponse(d.ctx, redrive.EndpointCreate{
		Name: "generated", Url: os.Getenv("RECEIVER_URL"), MaxRetries: new(int), Headers: &map[string]string{"X-Team": "a"},
	}))
	made := must(r.JSON200, r.Body).Data
	expect(strings.HasPrefix(made.SigningSecret, "whsec_"), made.SigningSecret)
	id := made.Endpoint.Id

	shown := call(d.GetEndpointWithResponse(d.ctx, id))
	expect(must(shown.JSON200, shown.Body).Data.Status == redrive.EndpointStatus("active"), string(shown.Body))
	listed := call(d.ListEndpointsWithResponse(d.ctx, &redrive.ListEndpointsParams{}))
	expect(must(listed.JSON200, listed.Body).Data.Items[0].Id == id, string(listed.Body))
	rotated := call(d.RegenerateEndpointSecretWithResponse(d.ctx, id, redrive.SecretRegenerate{}))
	expect(must(rotated.JSON200, rotated.Body).Data.SigningSecret != made.SigningSecret, "the secret is the same")
	return id
}

func (d driver) deliveries(endpoint string) {
	r := call(d.PublishEventWithResponse(d.ctx, redrive.EventPublish{EventType: "node.started", Data: map[string]any{"node": "a"}}))
	made := must(r.JSON200, r.Body).Data
	expect(len(made.Deliveries) == 1, string(r.Body))
	id := made.Deliveries[0].Id
	d.await(id, redrive.DeliveryStatus("failure"))

	limit := 1
	listed := call(d.ListDeliveriesWithResponse(d.ctx, &redrive.ListDeliveriesParams{EndpointId: &endpoint, Limit: &limit}))
	expect(must(listed.JSON200, listed.Body).Data.Items[0].Id == id, string(listed.Body))
	disabled := call(d.DisableEndpointWithResponse(d.ctx, endpoint, redrive.EmptyObject{}))
	expect(must(disabled.JSON200, disabled.Body).Data.DisabledAt != nil, string(disabled.Body))
	d.refused(id, "endpoint_disabled")
	enabled := call(d.EnableEndpointWithResponse(d.ctx, endpoint, redrive.EmptyObject{}))
	expect(must(enabled.JSON200, enabled.Body).Data.DisabledAt == nil, string(enabled.Body))

	retried := call(d.RetryDeliveryWithResponse(d.ctx, id, redrive.EmptyObject{}))
	expect(must(retried.JSON200, retried.Body).Data.Id == id, string(retried.Body))
	d.await(id, redrive.DeliveryStatus("success"))
	d.refused(id, "delivery_not_failed")
	replayed := call(d.ReplayDeliveryWithResponse(d.ctx, id, redrive.EmptyObject{}))
	d.await(must(replayed.JSON200, replayed.Body).Data.Id, redrive.DeliveryStatus("success"))
	attempts := call(d.ListDeliveryAttemptsWithResponse(d.ctx, id, &redrive.ListDeliveryAttemptsParams{}))
	items := must(attempts.JSON200, attempts.Body).Data.Items
	expect(len(items) == 2 && items[1].Outcome == redrive.AttemptOutcome("failure"), string(attempts.Body))
}

func (d driver) await(id string, status redrive.DeliveryStatus) {
	for {
		r := call(d.GetDeliveryWithResponse(d.ctx, id))
		if must(r.JSON200, r.Body).Data.Status == status {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// refused retries a delivery that cannot be retried. An error whose status the operation does not list is the default one.
func (d driver) refused(id, reason string) {
	r := call(d.RetryDeliveryWithResponse(d.ctx, id, redrive.EmptyObject{}))
	i := slices.IndexFunc([]*redrive.Error{r.JSON400, r.JSONDefault}, func(e *redrive.Error) bool {
		return e != nil && e.Code == r.StatusCode() && e.Details[0].Reason == reason
	})
	expect(i >= 0, string(r.Body))
}

func (d driver) batch() {
	r := call(d.PublishEventsWithResponse(d.ctx, redrive.EventBatch{Events: []redrive.EventPublish{
		{EventType: "node.finished", Data: map[string]any{}}, {EventType: "not a type", Data: map[string]any{}},
	}}))
	results := must(r.JSON200, r.Body).Data.Results
	expect(len(*results[0].Deliveries) == 1 && results[1].Error.Reason == "invalid_event_type", string(r.Body))
}

func (d driver) keys() {
	r := call(d.CreateAPIKeyWithResponse(d.ctx, redrive.APIKeyCreate{Name: "generated"}))
	made := must(r.JSON200, r.Body).Data
	expect(made.Scope == "read" && strings.HasPrefix(made.Key, "rdk_"), "the new key")
	shown := call(d.GetAPIKeyWithResponse(d.ctx, made.Id))
	expect(must(shown.JSON200, shown.Body).Data.KeyPrefix == made.KeyPrefix, string(shown.Body))
	listed := call(d.ListAPIKeysWithResponse(d.ctx, &redrive.ListAPIKeysParams{}))
	expect(must(listed.JSON200, listed.Body).Data.Items[0].Id == made.Id, string(listed.Body))
	revoked := call(d.revoke(made.Id))
	expect(must(revoked.JSON200, revoked.Body).Data.RevokedAt != nil, string(revoked.Body))
}

// revoke calls the operation with the zero values of the parameters that the stored document does not have.
func (d driver) revoke(id string) (*redrive.RevokeAPIKeyResponse, error) {
	method := reflect.ValueOf(d.RevokeAPIKeyWithResponse)
	arguments := []reflect.Value{reflect.ValueOf(d.ctx), reflect.ValueOf(id)}
	for i := len(arguments); i < method.Type().NumIn()-1; i++ { // the last one is variadic
		arguments = append(arguments, reflect.Zero(method.Type().In(i)))
	}
	results := method.Call(arguments)
	err, _ := results[1].Interface().(error)
	return results[0].Interface().(*redrive.RevokeAPIKeyResponse), err
}

func (d driver) document() {
	written := call(d.GetOpenApiYamlWithResponse(d.ctx))
	expect(strings.Contains(string(written.Body), "openapi: 3"), string(written.Body))
	converted := call(d.GetOpenApiJsonWithResponse(d.ctx))
	expect((*converted.JSON200)["openapi"] == "3.0.3", string(converted.Body))
}

func call[R any](r R, err error) R {
	check(err)
	return r
}

func must[T any](data *T, body []byte) T {
	expect(data != nil, string(body))
	return *data
}

func expect(holds bool, what string) {
	if !holds {
		log.Panicf("not as expected: %s", what)
	}
}

func check(err error) {
	if err != nil {
		log.Panic(err)
	}
}
