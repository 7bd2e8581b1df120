package openapi

import (
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

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
