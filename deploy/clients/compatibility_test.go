package clients

import (
	"os"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/api-service/openapi"
)

// The document still has everything that the stored document has.
func TestDocumentKeepsWhatWasServed(t *testing.T) {
	assert.Empty(t, lost(stored(t), current(t)))

	for name, spoil := range map[string]func(*openapi3.T){
		"an operation is gone":    func(d *openapi3.T) { d.Paths.Value("/v1/api-keys").Get = nil },
		"an operation is renamed": func(d *openapi3.T) { d.Paths.Value("/v1/api-keys").Get.OperationID = "listKeys" },
		"a parameter is gone": func(d *openapi3.T) {
			d.Paths.Value("/v1/execution-webhooks/deliveries").Get.Parameters = nil
		},
		"a status is gone":                  func(d *openapi3.T) { d.Paths.Value("/v1/api-keys").Get.Responses.Delete("503") },
		"a field is gone":                   func(d *openapi3.T) { delete(d.Components.Schemas["Delivery"].Value.Properties, "nextRetryAt") },
		"a field is no longer always there": func(d *openapi3.T) { d.Components.Schemas["Delivery"].Value.Required = []string{"id"} },
		"a field has another type": func(d *openapi3.T) {
			d.Components.Schemas["Delivery"].Value.Properties["durationMs"].Value.Type = &openapi3.Types{"number"}
		},
		"a request misses a word": func(d *openapi3.T) {
			scope := d.Components.Schemas["APIKeyCreate"].Value.Properties["scope"].Value
			scope.Enum = scope.Enum[:1]
		},
		"a body is needed": func(d *openapi3.T) {
			d.Paths.Value("/v1/execution-webhooks/{id}/enable").Post.RequestBody.Value.Required = true
		},
		"a response has another word": func(d *openapi3.T) {
			status := d.Components.Schemas["DeliveryStatus"].Value
			status.Enum = append(status.Enum, "paused")
		},
		"a request needs another field": func(d *openapi3.T) {
			create := d.Components.Schemas["EndpointCreate"].Value
			create.Required = append(create.Required, "description")
		},
	} {
		t.Run(name, func(t *testing.T) {
			spoilt := current(t)
			spoil(spoilt)
			assert.NotEmpty(t, lost(stored(t), spoilt))
		})
	}
}

func stored(t *testing.T) *openapi3.T {
	t.Helper()
	text, err := os.ReadFile("testdata/openapi.json")
	require.NoError(t, err)
	return load(t, text)
}

func current(t *testing.T) *openapi3.T {
	t.Helper()
	text, err := openapi.JSON()
	require.NoError(t, err)
	return load(t, text)
}

func load(t *testing.T, text []byte) *openapi3.T {
	t.Helper()
	document, err := openapi3.NewLoader().LoadFromData(text)
	require.NoError(t, err)
	return document
}
