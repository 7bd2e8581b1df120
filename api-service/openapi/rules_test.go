package openapi

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/assert"
)

// rules hold for the whole document: each returns what violates it. Each comes with a way to break it, so that a rule that
// has stopped looking is found out.
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
		func(d *openapi3.T) { d.Components.Parameters["DeliveryId"].Value.Example = nil },
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
		"operations under /v1 take the common headers", withoutCommonHeaders,
		func(d *openapi3.T) {
			item := d.Paths.Value("/v1/execution-webhooks/deliveries/{id}/retry")
			item.Parameters = item.Parameters[:1]
		},
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
		"objects that the server writes are closed", openObjects,
		func(d *openapi3.T) {
			d.Components.Schemas["ErrorDetail"].Value.AdditionalProperties = openapi3.AdditionalProperties{}
		},
	},
	{
		"nothing is nullable", nullable,
		func(d *openapi3.T) { d.Components.Schemas["Delivery"].Value.Properties["runId"].Value.Nullable = true },
	},
}

func TestRulesHold(t *testing.T) {
	for _, rule := range rules {
		t.Run(rule.name, func(t *testing.T) {
			assert.Empty(t, rule.violations(load(t)))

			broken := load(t)
			rule.breakIt(broken)
			assert.NotEmpty(t, rule.violations(broken), "the rule does not notice when it is broken")
		})
	}
}

func invalid(d *openapi3.T) []string {
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

func unexplained(d *openapi3.T) (violations []string) {
	for _, op := range operations(d) {
		for _, parameter := range op.parameters {
			p := parameter.Value
			if p.Description == "" || p.Example == nil && p.Schema.Value.Default == nil {
				violations = append(violations, op.name+" does not explain "+p.Name)
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

// withoutRefusals checks that an operation has exactly the statuses that its shape can be answered with.
func withoutRefusals(d *openapi3.T) (violations []string) {
	for _, op := range operations(d) {
		want := []string{"200", "429"}
		if op.versioned {
			want = append(want, "400", "401", "403", "503")
		}
		if op.parameters.GetByInAndName("path", "id") != nil {
			want = append(want, "404")
		}
		if op.RequestBody != nil {
			want = append(want, "413", "415")
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

func withoutCommonHeaders(d *openapi3.T) (violations []string) {
	for _, op := range operations(d) {
		for _, header := range []string{"X-Org-ID", requestIDHeader} {
			if op.versioned && op.parameters.GetByInAndName("header", header) == nil {
				violations = append(violations, op.name+" does not take "+header)
			}
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
			if code, _ := example["code"].(float64); strconv.Itoa(int(code)) != response.status {
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

// openObjects looks at every schema that a response reaches. Only the components that are maps by nature may be open.
func openObjects(d *openapi3.T) (violations []string) {
	free := []string{"#/components/schemas/FreeObject", "#/components/schemas/Headers", "#/components/schemas/SentHeaders", "#/components/schemas/MaskedHeaders"}
	for name, response := range responses(d) {
		for _, media := range response.Content {
			walk(name, media.Schema, func(where string, schema *openapi3.SchemaRef) {
				closed := schema.Value.AdditionalProperties.Has != nil && !*schema.Value.AdditionalProperties.Has
				if schema.Value.Type.Is("object") && !closed && !slices.Contains(free, schema.Ref) {
					violations = append(violations, where+" is open")
				}
				// An object by its properties alone would slip through the check above.
				if schema.Value.Type == nil {
					violations = append(violations, where+" has no type")
				}
			})
		}
	}
	return violations
}

func nullable(d *openapi3.T) (violations []string) {
	err := d.WalkSchemas(func(where string, schema *openapi3.SchemaRef) error {
		if schema.Value.Nullable || schema.Value.Type.Includes("null") {
			violations = append(violations, where+" may be null")
		}
		return nil
	})
	if err != nil {
		violations = append(violations, err.Error())
	}
	return violations
}

// operation is one method of one path, with what it inherits.
type operation struct {
	*openapi3.Operation
	name       string // GET /v1/…
	versioned  bool   // under /v1: takes a key and answers in the envelope
	parameters openapi3.Parameters
	security   openapi3.SecurityRequirements
}

func operations(d *openapi3.T) []operation {
	var all []operation
	for _, path := range d.Paths.Keys() {
		item := d.Paths.Value(path)
		methods := item.Operations()
		for _, method := range slices.Sorted(maps.Keys(methods)) {
			op := operation{
				Operation:  methods[method],
				name:       method + " " + path,
				versioned:  strings.HasPrefix(path, "/v1/"),
				parameters: slices.Concat(item.Parameters, methods[method].Parameters),
				security:   d.Security,
			}
			if op.Security != nil {
				op.security = *op.Security
			}
			all = append(all, op)
		}
	}
	return all
}

func find(d *openapi3.T, operationID string) operation {
	all := operations(d)
	return all[slices.IndexFunc(all, func(op operation) bool { return op.OperationID == operationID })]
}

// response is one status of one operation.
type response struct {
	*openapi3.Response
	status    string
	versioned bool
}

// responses yields the responses of all operations, named like "retryDelivery 400".
func responses(d *openapi3.T) iter.Seq2[string, response] {
	return func(yield func(string, response) bool) {
		for _, op := range operations(d) {
			for _, status := range op.Responses.Keys() {
				if !yield(op.OperationID+" "+status, response{op.Responses.Value(status).Value, status, op.versioned}) {
					return
				}
			}
		}
	}
}

// examples returns the bodies that the document shows for the response.
func (r response) examples() (examples []map[string]any) {
	for _, media := range r.Content {
		if example, ok := media.Example.(map[string]any); ok {
			examples = append(examples, example)
		}
		for _, example := range media.Examples {
			body, _ := example.Value.Value.(map[string]any)
			examples = append(examples, body)
		}
	}
	return examples
}

func exampleOf(d *openapi3.T, name string) map[string]any {
	return d.Components.Examples[name].Value.Value.(map[string]any)
}

// walk visits a schema and those that it is made of. The contract has no cycles and composes nothing.
func walk(where string, schema *openapi3.SchemaRef, visit func(string, *openapi3.SchemaRef)) {
	visit(where, schema)
	for name, property := range schema.Value.Properties {
		walk(where+"."+name, property, visit)
	}
	if schema.Value.Items != nil {
		walk(where+"[]", schema.Value.Items, visit)
	}
}
