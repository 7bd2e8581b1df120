// Package openapitest closes the OpenAPI document for tests.
//
// The served document leaves responses open, so that fields and statuses can be added without breaking a generated client. A test
// needs the opposite: whatever the service sends today is described, and anything else is an error.
package openapitest

import "github.com/getkin/kin-openapi/openapi3"

// Load reads a document and closes it.
func Load(text []byte) (*openapi3.T, error) {
	document, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		return nil, err
	}
	Close(document)
	return document, nil
}

// Close narrows a loaded document: operations have no default response, and objects in responses take no further properties. An
// object that allows or describes further properties is a map and stays as it is. Close may be called again.
func Close(document *openapi3.T) {
	for _, item := range document.Paths.Map() {
		for _, operation := range item.Operations() {
			operation.Responses.Delete("default")
			for _, response := range operation.Responses.Map() {
				for _, media := range response.Value.Content {
					closeSchema(media.Schema.Value)
				}
			}
		}
	}
}

// closeSchema closes a schema and those that it consists of. The document has neither cycles nor compositions.
func closeSchema(schema *openapi3.Schema) {
	if extra := &schema.AdditionalProperties; schema.Type.Is(openapi3.TypeObject) && extra.Has == nil && extra.Schema == nil {
		closed := false
		extra.Has = &closed
	}
	for _, property := range schema.Properties {
		closeSchema(property.Value)
	}
	if schema.Items != nil {
		closeSchema(schema.Items.Value)
	}
}
