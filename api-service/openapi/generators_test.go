package openapi

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// The rules in this file are for the programs that read the document: client generators, API consoles and importers.

// unexplained checks the examples of parameters. Tools send an example, so only a required parameter has one.
func unexplained(d *openapi3.T) (violations []string) {
	for _, op := range operations(d) {
		for _, parameter := range op.parameters {
			p := parameter.Value
			shown := p.Example != nil || len(p.Examples) > 0 || p.Schema.Value.Example != nil
			if p.Description == "" || shown != p.Required {
				violations = append(violations, op.name+" does not explain "+p.Name)
			}
		}
	}
	return violations
}

func withHeaderParameters(d *openapi3.T) (violations []string) {
	for _, op := range operations(d) {
		for _, parameter := range op.parameters {
			if parameter.Value.In == openapi3.ParameterInHeader {
				violations = append(violations, op.name+" takes the header "+parameter.Value.Name)
			}
		}
	}
	for _, header := range []string{"X-Org-ID", requestIDHeader} {
		if !strings.Contains(d.Components.SecuritySchemes["apiKey"].Value.Description, "`"+header+"`") {
			violations = append(violations, header+" is not described")
		}
	}
	return violations
}

// sharedNames compares names without their case: generators make type and file names of them. Nothing is made of an example.
func sharedNames(d *openapi3.T) (violations []string) {
	c := d.Components
	kinds := map[string]string{}
	for _, kind := range []struct {
		name  string
		names []string
	}{
		{"schema", slices.Collect(maps.Keys(c.Schemas))},
		{"parameter", slices.Collect(maps.Keys(c.Parameters))},
		{"header", slices.Collect(maps.Keys(c.Headers))},
		{"request body", slices.Collect(maps.Keys(c.RequestBodies))},
		{"response", slices.Collect(maps.Keys(c.Responses))},
		{"callback", slices.Collect(maps.Keys(c.Callbacks))},
		{"link", slices.Collect(maps.Keys(c.Links))},
	} {
		for _, name := range kind.names {
			folded := strings.ToLower(name)
			if first, ok := kinds[folded]; ok {
				violations = append(violations, fmt.Sprintf("%s names a %s and a %s", name, first, kind.name))
			}
			kinds[folded] = kind.name
		}
	}
	return violations
}

// referencedCallbacks exist because ogen does not read them.
func referencedCallbacks(d *openapi3.T) (violations []string) {
	for _, op := range operations(d) {
		for name, callback := range op.Callbacks {
			if callback.Ref != "" {
				violations = append(violations, op.name+" refers to the callback "+name)
			}
		}
	}
	return violations
}

// requestSchemas visits each schema that a body of a request reaches.
func requestSchemas(d *openapi3.T, visit func(string, *openapi3.SchemaRef)) {
	for _, op := range operations(d) {
		if op.RequestBody != nil {
			walk(op.OperationID, op.RequestBody.Value.Content["application/json"].Schema, visit)
		}
	}
}

// freeSchemas are maps by nature.
var freeSchemas = []string{
	"#/components/schemas/FreeObject", "#/components/schemas/Headers", "#/components/schemas/SentHeaders", "#/components/schemas/MaskedHeaders",
}

func defaultsInBodies(d *openapi3.T) (violations []string) {
	requestSchemas(d, func(where string, schema *openapi3.SchemaRef) {
		if schema.Value.Default != nil {
			violations = append(violations, where+" has a default")
		}
	})
	return violations
}

func openRequests(d *openapi3.T) (violations []string) {
	requestSchemas(d, func(where string, schema *openapi3.SchemaRef) {
		extra := schema.Value.AdditionalProperties
		isMap := extra.Schema != nil || slices.Contains(freeSchemas, schema.Ref)
		if schema.Value.Type.Is("object") && !isMap && (extra.Has == nil || *extra.Has) {
			violations = append(violations, where+" is open")
		}
	})
	return violations
}

// closedResponses looks at every schema that a response reaches. An object states neither that further fields are refused, nor that
// they are welcome: generators would make a map of it.
func closedResponses(d *openapi3.T) (violations []string) {
	for name, response := range responses(d) {
		for _, media := range response.Content {
			walk(name, media.Schema, func(where string, schema *openapi3.SchemaRef) {
				if schema.Value.Type == nil { // an object by its properties alone would slip through
					violations = append(violations, where+" has no type")
				}
				if schema.Value.Type.Is("object") && schema.Value.AdditionalProperties.Has != nil && !slices.Contains(freeSchemas, schema.Ref) {
					violations = append(violations, where+" does not leave further fields open")
				}
			})
		}
	}
	return violations
}
