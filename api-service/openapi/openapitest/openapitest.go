// Package openapitest closes the OpenAPI document for tests.
//
// The served document allows further fields and statuses in responses, so that they can be added without breaking a generated client. A test
// needs a closed document, in which everything that is not described is an error.
package openapitest

import "github.com/getkin/kin-openapi/openapi3"

// Load parses a document and closes it.
func Load(text []byte) (*openapi3.T, error) {
	document, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		return nil, err
	}
	Close(document)
	return document, nil
}

// Close removes the default responses of a document and forbids further properties of objects in responses. It does not change an object
// that allows or describes further properties, which is a map. Close may be called again.
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
