package openapi

import (
	"encoding/json"
	"go/build"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"redrive/api-service/openapi/openapitest"
)

const requestIDHeader = "X-Request-Id"

func written(t *testing.T) []byte {
	t.Helper()
	document, err := YAML()
	require.NoError(t, err)
	return document
}

func load(t *testing.T) *openapi3.T {
	t.Helper()
	document, err := openapi3.NewLoader().LoadFromData(written(t))
	require.NoError(t, err)
	return document
}

// The operations must not be removed or renamed, because clients are generated from them.
func TestOperationsEqualContract(t *testing.T) {
	got := map[string]string{}
	for _, op := range operations(load(t)) {
		got[op.name] = op.OperationID
	}
	assert.Equal(t, map[string]string{
		"GET /v1/execution-webhooks":                          "listEndpoints",
		"POST /v1/execution-webhooks":                         "createEndpoint",
		"GET /v1/execution-webhooks/{id}":                     "getEndpoint",
		"PATCH /v1/execution-webhooks/{id}":                   "updateEndpoint",
		"GET /v1/execution-webhooks/{id}/changes":             "listEndpointChanges",
		"GET /v1/execution-webhooks/changes":                  "listChanges",
		"GET /v1/execution-webhooks/{id}/stats":               "getEndpointStatistics",
		"GET /v1/execution-webhooks/stats":                    "getStatistics",
		"POST /v1/execution-webhooks/{id}/disable":            "disableEndpoint",
		"POST /v1/execution-webhooks/{id}/enable":             "enableEndpoint",
		"POST /v1/execution-webhooks/{id}/pause":              "pauseEndpoint",
		"POST /v1/execution-webhooks/{id}/resume":             "resumeEndpoint",
		"POST /v1/execution-webhooks/{id}/test":               "testEndpoint",
		"DELETE /v1/execution-webhooks/{id}":                  "deleteEndpoint",
		"POST /v1/execution-webhooks/{id}/regenerate-secret":  "regenerateEndpointSecret",
		"GET /v1/execution-webhooks/deliveries":               "listDeliveries",
		"GET /v1/execution-webhooks/deliveries/{id}":          "getDelivery",
		"POST /v1/execution-webhooks/deliveries/{id}/retry":   "retryDelivery",
		"POST /v1/execution-webhooks/deliveries/{id}/replay":  "replayDelivery",
		"GET /v1/execution-webhooks/deliveries/{id}/attempts": "listDeliveryAttempts",
		"GET /v1/execution-webhooks/deliveries/{id}/explain":  "explainDelivery",
		"POST /v1/execution-webhooks/events":                  "publishEvent",
		"GET /v1/execution-webhooks/events":                   "listEvents",
		"GET /v1/execution-webhooks/events/{id}":              "getEvent",
		"POST /v1/execution-webhooks/events/{id}/deliver":     "deliverEvent",
		"POST /v1/execution-webhooks/deliveries/{id}/cancel":  "cancelDelivery",
		"GET /v1/execution-webhooks/bulk-jobs":                "listBulkJobs",
		"POST /v1/execution-webhooks/bulk-jobs":               "createBulkJob",
		"POST /v1/execution-webhooks/bulk-jobs/plan":          "planBulkJob",
		"GET /v1/execution-webhooks/bulk-jobs/{id}":           "getBulkJob",
		"POST /v1/execution-webhooks/bulk-jobs/{id}/cancel":   "cancelBulkJob",
		"GET /v1/lookup": "lookup",
		"POST /v1/execution-webhooks/events/batch": "publishEvents",
		"GET /v1/api-keys":                         "listAPIKeys",
		"POST /v1/api-keys":                        "createAPIKey",
		"GET /v1/api-keys/{id}":                    "getAPIKey",
		"DELETE /v1/api-keys/{id}":                 "revokeAPIKey",
		"GET /v1/console-sessions":                 "listConsoleSessions",
		"POST /v1/console-sessions":                "createConsoleSession",
		"GET /v1/console-sessions/{id}":            "getConsoleSession",
		"DELETE /v1/console-sessions/{id}":         "endConsoleSession",
		"GET /v1/organizations":                    "listOrganizations",
		"GET /v1/organizations/{id}":               "getOrganization",
		"PUT /v1/organizations/{id}":               "putOrganization",
		"DELETE /v1/organizations/{id}":            "deleteOrganization",
		"GET /v1/event-types":                      "listEventTypes",
		"PUT /v1/event-types/{name}":               "putEventType",
		"DELETE /v1/event-types/{name}":            "deleteEventType",
		"GET /openapi.yaml":                        "getOpenApiYaml",
		"GET /openapi.json":                        "getOpenApiJson",
	}, got)
}

// The fields, their types and whether they are required must not change either.
func TestTypesEqualContract(t *testing.T) {
	for name, want := range map[string]struct{ required, optional string }{
		"Delivery": {
			"id organizationId endpointId eventType status retryCount:integer maxRetries:integer requestBody:object createdAt updatedAt",
			"workflowId runId executionId nextRetryAt requestHeaders:object responseStatus:integer responseHeaders:object " +
				"responseBody durationMs:integer errorMessage",
		},
		"Endpoint": {
			"id organizationId name url subscribedEventTypes:array maxRetries:integer rateLimit:integer status createdAt updatedAt",
			"description headers:object timeoutSeconds:integer retrySchedule:array payload signatureHeader metadata:object " +
				"disabledAt disabledReason pausedAt failingSince consecutiveFailures:integer lastSuccessAt deletedAt createdBy",
		},
		"Event": {
			"id organizationId eventType data:object createdAt",
			"workflowId runId executionId",
		},
		"Attempt": {
			"id deliveryId number:integer startedAt durationMs:integer outcome requestHeaders:object responseBodyTruncated:boolean",
			"responseStatus:integer responseHeaders:object responseBody errorMessage errorCode nextRetryAt",
		},
		"APIKeyCreate": {"name", "description scope expiresAt"},
		"APIKey": {
			"id organizationId name scope keyPrefix createdAt",
			"description createdBy expiresAt revokedAt lastUsedAt",
		},
		"NewAPIKey": {
			"id organizationId name scope keyPrefix createdAt key",
			"description createdBy expiresAt revokedAt lastUsedAt",
		},
		"ConsoleSessionCreate": {"", "scope subject path linkExpiresInSeconds:integer sessionExpiresInMinutes:integer"},
		"ConsoleSession": {
			"id organizationId scope createdBy createdAt sessionExpiresAt",
			"subject path linkExpiresAt openedAt endedAt",
		},
		"NewConsoleSession": {"id url linkExpiresAt sessionExpiresAt", ""},
		"EndpointCreate": {"name url", "description maxRetries:integer subscribedEventTypes:array rateLimit:integer headers:object signingSecret " +
			"timeoutSeconds:integer retrySchedule:array payload signatureHeader metadata:object paused:boolean"},
		"SecretRegenerate": {"", "overlapHours:integer"},
		"EventPublish":     {"eventType data:object", "workflowId runId executionId idempotencyKey"},
		"Error":            {"code:integer message details:array requestId", ""},
		"ErrorDetail":      {"reason message", "field"},
	} {
		t.Run(name, func(t *testing.T) {
			schema := load(t).Components.Schemas[name].Value
			var required, optional []string
			for field, property := range schema.Properties {
				kind := property.Value.Type.Slice()[0]
				if kind != "string" {
					field += ":" + kind
				}
				if slices.Contains(schema.Required, strings.Split(field, ":")[0]) {
					required = append(required, field)
				} else {
					optional = append(optional, field)
				}
			}
			assert.ElementsMatch(t, strings.Fields(want.required), required, "required")
			assert.ElementsMatch(t, strings.Fields(want.optional), optional, "optional")
			assert.Len(t, schema.Required, len(required), "a required field is not declared")
		})
	}
}

func TestDeliveryStatuses(t *testing.T) {
	status := load(t).Components.Schemas["DeliveryStatus"].Value
	assert.ElementsMatch(t, []any{"pending", "success", "failure", "retrying"}, status.Enum)
}

// Each refusal of a retry has an example, because most clients use this operation.
func TestRetryRefusalsAreDocumented(t *testing.T) {
	var reasons []string
	for name, response := range responses(load(t)) {
		if name != "retryDelivery 400" {
			continue
		}
		for _, example := range response.examples() {
			for _, detail := range example["details"].([]any) {
				reasons = append(reasons, detail.(map[string]any)["reason"].(string))
			}
		}
	}
	assert.Subset(t, reasons, []string{"delivery_not_failed", "endpoint_disabled", "invalid_id"})
}

// Other tests validate answers with the closed schemas. This test checks that the schemas refuse wrong answers.
func TestDeliverySchemaInvalidRefused(t *testing.T) {
	document := load(t)
	openapitest.Close(document)
	schema := document.Components.Schemas["DeliveryResponse"].Value
	for name, spoil := range map[string]func(envelope, delivery map[string]any){
		"a missing field":          func(_, delivery map[string]any) { delete(delivery, "retryCount") },
		"an unknown field":         func(_, delivery map[string]any) { delivery["eventId"] = "evt_01M7WV53ZT5PJ6XFXJV31VXV38" },
		"a null":                   func(_, delivery map[string]any) { delivery["nextRetryAt"] = nil },
		"a time without a zone":    func(_, delivery map[string]any) { delivery["createdAt"] = "2026-11-20T16:03:11" },
		"a time in a local zone":   func(_, delivery map[string]any) { delivery["createdAt"] = "2026-11-20T17:03:11+01:00" },
		"another kind of id":       func(_, delivery map[string]any) { delivery["id"] = delivery["endpointId"] },
		"an unknown status":        func(_, delivery map[string]any) { delivery["status"] = "failed" },
		"a number in a string":     func(_, delivery map[string]any) { delivery["durationMs"] = "83" },
		"several values a header":  func(_, delivery map[string]any) { delivery["responseHeaders"] = map[string]any{"Via": []any{"a", "b"}} },
		"a body that is no object": func(_, delivery map[string]any) { delivery["requestBody"] = "{}" },
		"a code that is not 200":   func(envelope, _ map[string]any) { envelope["code"] = 201.0 },
		"no request id":            func(envelope, _ map[string]any) { delete(envelope, "requestId") },
		"an unknown envelope":      func(envelope, _ map[string]any) { envelope["details"] = []any{} },
	} {
		t.Run(name, func(t *testing.T) {
			var envelope map[string]any
			text, err := json.Marshal(document.Components.Examples["FailedDelivery"].Value.Value)
			require.NoError(t, err)
			require.NoError(t, json.Unmarshal(text, &envelope))
			require.NoError(t, schema.VisitJSON(envelope))

			spoil(envelope, envelope["data"].(map[string]any))
			assert.Error(t, schema.VisitJSON(envelope))
		})
	}
}

func TestRequestSchemas(t *testing.T) {
	schemas := load(t).Components.Schemas
	for name, test := range map[string]struct {
		schema, body string
		valid        bool
	}{
		"endpoint":                 {"EndpointCreate", `{"name": "a", "url": "https://example.com", "maxRetries": 0}`, true},
		"endpoint for all events":  {"EndpointCreate", `{"name": "a", "url": "https://example.com", "subscribedEventTypes": []}`, true},
		"endpoint with patterns":   {"EndpointCreate", `{"name": "a", "url": "https://example.com", "subscribedEventTypes": ["*", "run.*", "a-b.c_d"]}`, true},
		"endpoint with star amid":  {"EndpointCreate", `{"name": "a", "url": "https://example.com", "subscribedEventTypes": ["run.*.x"]}`, false},
		"endpoint with bare dot":   {"EndpointCreate", `{"name": "a", "url": "https://example.com", "subscribedEventTypes": [".*"]}`, false},
		"endpoint without url":     {"EndpointCreate", `{"name": "a"}`, false},
		"endpoint, 21 retries":     {"EndpointCreate", `{"name": "a", "url": "https://example.com", "maxRetries": 21}`, false},
		"endpoint, unknown field":  {"EndpointCreate", `{"name": "a", "url": "https://example.com", "secret": "x"}`, false},
		"event":                    {"EventPublish", `{"eventType": "run.finished", "data": {"a": [1, {"b": "c"}]}, "runId": "r"}`, true},
		"event, data not object":   {"EventPublish", `{"eventType": "run.finished", "data": []}`, false},
		"event, trailing dot":      {"EventPublish", `{"eventType": "run.", "data": {}}`, false},
		"event, run id too long":   {"EventPublish", `{"eventType": "run", "data": {}, "runId": "` + strings.Repeat("r", 129) + `"}`, false},
		"nothing":                  {"EmptyObject", `{}`, true},
		"nothing, with a field":    {"EmptyObject", `{"force": true}`, false},
		"nothing, but not even {}": {"EmptyObject", `[]`, false},
	} {
		t.Run(name, func(t *testing.T) {
			var body any
			require.NoError(t, json.Unmarshal([]byte(test.body), &body))
			err := schemas[test.schema].Value.VisitJSON(body)
			if test.valid {
				assert.NoError(t, err)
			} else {
				assert.Error(t, err)
			}
		})
	}
}

func TestStateChangeBodiesAreOptional(t *testing.T) {
	for _, id := range []string{"disableEndpoint", "enableEndpoint", "regenerateEndpointSecret", "retryDelivery", "replayDelivery"} {
		schema := "EmptyObject"
		if id == "regenerateEndpointSecret" {
			schema = "SecretRegenerate" // of which nothing is required
		}
		body := find(load(t), id).RequestBody
		require.NotNil(t, body, id)
		assert.False(t, body.Value.Required, id)
		assert.Equal(t, "#/components/schemas/"+schema, body.Value.Content["application/json"].Schema.Ref, id)
	}
}

func TestYAMLAndJSONAreEqual(t *testing.T) {
	var fromYAML, fromJSON any
	require.NoError(t, yaml.UnmarshalStrict(written(t), &fromYAML))
	text, err := JSON()
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &fromJSON))
	assert.Equal(t, fromYAML, fromJSON)
	assert.Equal(t, "3.0.3", fromJSON.(map[string]any)["openapi"])
	assert.Empty(t, nulls("", fromJSON))
	assert.NotEmpty(t, nulls("", map[string]any{"a": []any{nil}}), "the search for nulls finds none")

	document, err := openapi3.NewLoader().LoadFromData(text)
	require.NoError(t, err)
	assert.Empty(t, invalid(document))
}

func nulls(where string, value any) (found []string) {
	switch value := value.(type) {
	case nil:
		return []string{where}
	case map[string]any:
		for name, member := range value {
			found = append(found, nulls(where+"/"+name, member)...)
		}
	case []any:
		for _, element := range value {
			found = append(found, nulls(where+"/[]", element)...)
		}
	}
	return found
}

func TestDocumentCallersGetCopies(t *testing.T) {
	first := written(t)
	clear(first)
	assert.NotEqual(t, first, written(t))

	converted, err := JSON()
	require.NoError(t, err)
	clear(converted)
	again, err := JSON()
	require.NoError(t, err)
	assert.NotEqual(t, converted, again)
}

func TestComponentsAllUsed(t *testing.T) {
	text := string(written(t))
	components := load(t).Components
	for kind, names := range map[string][]string{
		"schemas":       slices.Collect(maps.Keys(components.Schemas)),
		"responses":     slices.Collect(maps.Keys(components.Responses)),
		"parameters":    slices.Collect(maps.Keys(components.Parameters)),
		"examples":      slices.Collect(maps.Keys(components.Examples)),
		"headers":       slices.Collect(maps.Keys(components.Headers)),
		"requestBodies": slices.Collect(maps.Keys(components.RequestBodies)),
	} {
		assert.NotEmpty(t, names, kind)
		for _, name := range names {
			assert.Contains(t, text, `"#/components/`+kind+`/`+name+`"`, "is described and never used")
		}
	}
}

// The validator is a large dependency for tests only.
func TestRuntimeDoesNotImportValidator(t *testing.T) {
	pkg, err := build.ImportDir(".", 0)
	require.NoError(t, err)
	require.Contains(t, pkg.Imports, "sigs.k8s.io/yaml")
	for _, path := range pkg.Imports {
		assert.NotContains(t, path, "kin-openapi")
	}
}
