package openapi

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/assert"

	"redrive/api-service/openapi/openapitest"
)

// rules are checks of the whole document. Each returns its violations and has a change that violates it, so that a rule that
// does not detect violations is found.
var rules = []struct {
	name       string
	violations func(*openapi3.T) []string
	breakIt    func(*openapi3.T)
}{
	{
		"the document is valid, its examples among it", invalid,
		func(d *openapi3.T) { delete(exampleOf(d, "FailedDelivery")["data"].(map[string]any), "status") },
	},
	{
		"every operation is described", undescribed,
		func(d *openapi3.T) { find(d, "getOpenApiYaml").Summary = "" },
	},
	{
		"every parameter is described and says what it may look like", unexplained,
		func(d *openapi3.T) { d.Components.Parameters["PathDeliveryId"].Value.Example = nil },
	},
	{
		"an optional parameter has no example, which a tool would send", unexplained,
		func(d *openapi3.T) {
			d.Components.Parameters["EndpointFilter"].Value.Example = "ep_01M6DRK2XED40D7VN5CJK585S3"
		},
	},
	{
		"no operation takes a header as a parameter, for which a tool would make up a value", withHeaderParameters,
		func(d *openapi3.T) {
			d.Paths.Value("/v1/api-keys").Get.AddParameter(openapi3.NewHeaderParameter("X-Org-ID").WithSchema(openapi3.NewStringSchema()))
		},
	},
	{
		"the security scheme describes the optional headers", withHeaderParameters,
		func(d *openapi3.T) { d.Components.SecuritySchemes["apiKey"].Value.Description = "An API key." },
	},
	{
		"component names are unique over all kinds", sharedNames,
		func(d *openapi3.T) {
			d.Components.Headers["ENDPOINTID"] = d.Components.Headers["RetryAfter"]
		},
	},
	{
		"callbacks are written out", referencedCallbacks,
		func(d *openapi3.T) {
			find(d, "createEndpoint").Callbacks["delivery"].Ref = "#/components/callbacks/Delivery"
		},
	},
	{
		"request bodies have no default, which makes a property required", defaultsInBodies,
		func(d *openapi3.T) {
			d.Components.Schemas["EndpointCreate"].Value.Properties["maxRetries"].Value.Default = 5.0
		},
	},
	{
		"objects that callers write are closed", openRequests,
		func(d *openapi3.T) {
			d.Components.Schemas["EventPublish"].Value.AdditionalProperties = openapi3.AdditionalProperties{}
		},
	},
	{
		"every body that is required has an example", bodyless,
		func(d *openapi3.T) {
			find(d, "publishEvent").RequestBody.Value.Content["application/json"].Examples = nil
		},
	},
	{
		"operation ids are unique", ambiguous,
		func(d *openapi3.T) { find(d, "retryDelivery").OperationID = "replayDelivery" },
	},
	{
		"operations under /v1 need a key and say 401, the others need none", unsecured,
		func(d *openapi3.T) { find(d, "retryDelivery").Responses.Delete("401") },
	},
	{
		"no operation under /v1 is open to all", unsecured,
		func(d *openapi3.T) { find(d, "getDelivery").Security = openapi3.NewSecurityRequirements() },
	},
	{
		"operations say how they refuse", withoutRefusals,
		func(d *openapi3.T) { find(d, "retryDelivery").Responses.Delete("404") },
	},
	{
		"a 429 says when to come back", withoutRefusals,
		func(d *openapi3.T) { delete(d.Components.Responses["RateLimited"].Value.Headers, "Retry-After") },
	},
	{
		"every response carries the request id", untraceable,
		func(d *openapi3.T) { delete(d.Components.Responses["RateLimited"].Value.Headers, requestIDHeader) },
	},
	{
		"every response under /v1 has examples, of its own status", withoutExample,
		func(d *openapi3.T) { exampleOf(d, "DeliveryNotFailed")["code"] = 409.0 },
	},
	{
		"every error has the error envelope", withoutEnvelope,
		func(d *openapi3.T) {
			media := d.Components.Responses["NotFound"].Value.Content["application/json"]
			media.Schema = openapi3.NewSchemaRef("", openapi3.NewObjectSchema())
		},
	},
	{
		"objects that the server writes are open", closedResponses,
		func(d *openapi3.T) {
			closed := false
			d.Components.Schemas["ErrorDetail"].Value.AdditionalProperties = openapi3.AdditionalProperties{Has: &closed}
		},
	},
	{
		"nothing but the fields of a change is nullable", nullable,
		func(d *openapi3.T) { d.Components.Schemas["Delivery"].Value.Properties["runId"].Value.Nullable = true },
	},
}

func TestRulesHoldAndCanFail(t *testing.T) {
	for _, rule := range rules {
		t.Run(rule.name, func(t *testing.T) {
			assert.Empty(t, rule.violations(load(t)))

			broken := load(t)
			rule.breakIt(broken)
			assert.NotEmpty(t, rule.violations(broken), "the rule does not notice when it is broken")
		})
	}
}

// invalid validates the closed document, so that an example shows no field that is not described.
func invalid(d *openapi3.T) []string {
	openapitest.Close(d)
	err := d.Validate(context.Background(), openapi3.EnableExamplesValidation(), openapi3.EnableSchemaDefaultsValidation())
	if err != nil {
		return []string{err.Error()}
	}
	return nil
}

func undescribed(d *openapi3.T) (violations []string) {
	for _, op := range operations(d) {
		for what, missing := range map[string]bool{
			"operationId": op.OperationID == "",
			"summary":     op.Summary == "",
			"description": op.Description == "",
			"tags":        len(op.Tags) == 0,
		} {
			if missing {
				violations = append(violations, op.name+" has no "+what)
			}
		}
		for _, tag := range op.Tags {
			if d.Tags.Get(tag) == nil {
				violations = append(violations, op.name+" has the tag "+tag+", which is not declared")
			}
		}
	}
	return violations
}

func bodyless(d *openapi3.T) (violations []string) {
	for _, op := range operations(d) {
		if body := op.RequestBody; body != nil && body.Value.Required && len(body.Value.Content["application/json"].Examples) == 0 {
			violations = append(violations, op.name+" shows no body")
		}
	}
	return violations
}

func ambiguous(d *openapi3.T) (violations []string) {
	seen := map[string]string{}
	for _, op := range operations(d) {
		if first, ok := seen[op.OperationID]; ok {
			violations = append(violations, op.OperationID+" is both "+first+" and "+op.name)
		}
		seen[op.OperationID] = op.name
	}
	return violations
}

func unsecured(d *openapi3.T) (violations []string) {
	for _, op := range operations(d) {
		secured := len(op.security) > 0
		for _, alternative := range op.security {
			_, key := alternative["apiKey"]
			secured = secured && key
		}
		if secured != op.versioned {
			violations = append(violations, fmt.Sprintf("%s: needs a key: %t", op.name, secured))
		}
		if unauthenticated := op.Responses.Value("401") != nil; unauthenticated != op.versioned {
			violations = append(violations, fmt.Sprintf("%s: answers 401: %t", op.name, unauthenticated))
		}
	}
	return violations
}

// keyed are the operations that take idempotency keys. A request is refused with 409 while the first one with its key is in progress.
var keyed = []string{
	"createEndpoint", "regenerateEndpointSecret", "publishEvent", "publishEvents", "retryDelivery", "replayDelivery", "createAPIKey", "deliverEvent", "createBulkJob",
	"createConsoleSession",
}

// withoutRefusals checks that an operation has exactly the statuses that its shape can be answered with.
func withoutRefusals(d *openapi3.T) (violations []string) {
	for _, op := range operations(d) {
		want := []string{"200", "429", "default"}
		if op.versioned {
			want = append(want, "400", "401", "403", "503")
		}
		// PUT creates what is missing, and an organization that is being erased is a conflict. A platform key names an organization in a
		// header, which may not exist.
		if op.OperationID == "putOrganization" {
			want = append(want, "409")
		}
		inPath := strings.Contains(op.name, "{") && !strings.HasPrefix(op.name, "PUT ")
		if inPath || op.versioned && !slices.Contains([]string{"organizations", "event-types", "meta"}, op.Tags[0]) && op.OperationID != "lookup" {
			want = append(want, "404")
		}
		if op.RequestBody != nil {
			want = append(want, "413", "415")
		}
		if slices.Contains(keyed, op.OperationID) {
			want = append(want, "409")
		}
		slices.Sort(want)
		if got := op.Responses.Keys(); !slices.Equal(got, want) {
			violations = append(violations, fmt.Sprintf("%s answers %v, not %v", op.name, got, want))
		}
		if limited := op.Responses.Value("429"); limited != nil && limited.Value.Headers["Retry-After"] == nil {
			violations = append(violations, op.name+" has a 429 without Retry-After")
		}
	}
	return violations
}

func untraceable(d *openapi3.T) (violations []string) {
	for name, response := range responses(d) {
		if header := response.Headers[requestIDHeader]; header == nil || !header.Value.Required {
			violations = append(violations, name+" need not have "+requestIDHeader)
		}
	}
	return violations
}

// withoutExample checks that examples agree with the status that they stand under. That they agree with their schemas is
// seen by invalid.
func withoutExample(d *openapi3.T) (violations []string) {
	for name, response := range responses(d) {
		if !response.versioned {
			continue
		}
		examples := response.examples()
		if len(examples) == 0 {
			violations = append(violations, name+" has no example")
		}
		for _, example := range examples {
			if code, _ := example["code"].(float64); strconv.Itoa(int(code)) != response.status && response.status != "default" {
				violations = append(violations, fmt.Sprintf("%s has an example with the code %v", name, example["code"]))
			}
		}
	}
	return violations
}

func withoutEnvelope(d *openapi3.T) (violations []string) {
	for name, response := range responses(d) {
		if response.status != "200" && response.Content["application/json"].Schema.Ref != "#/components/schemas/Error" {
			violations = append(violations, name+" is not an Error")
		}
	}
	return violations
}

// inChange reports whether a schema is in the body of a change, in which null restores a default.
func inChange(where string) bool {
	return slices.ContainsFunc([]string{"EndpointPatch", "OrganizationPut", "EventTypePut"}, func(name string) bool {
		return strings.HasPrefix(where, "/components/schemas/"+name+"/")
	})
}

func nullable(d *openapi3.T) (violations []string) {
	err := d.WalkSchemas(func(where string, schema *openapi3.SchemaRef) error {
		if (schema.Value.Nullable || schema.Value.Type.Includes("null")) && !inChange(where) {
			violations = append(violations, where+" may be null")
		}
		return nil
	})
	if err != nil {
		violations = append(violations, err.Error())
	}
	return violations
}
