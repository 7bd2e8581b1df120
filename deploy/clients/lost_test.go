package clients

import (
	"fmt"
	"slices"

	"github.com/getkin/kin-openapi/openapi3"
)

// lost lists the parts of the document before that clients rely on and that the document after does not have.
func lost(before, after *openapi3.T) (list []string) {
	for path, item := range before.Paths.Map() {
		for method, was := range item.Operations() {
			var is *openapi3.Operation
			if found := after.Paths.Value(path); found != nil {
				is = found.Operations()[method]
			}
			if is == nil || is.OperationID != was.OperationID {
				list = append(list, method+" "+path+" is not "+was.OperationID)
				continue
			}
			list = append(list, lostParameters(slices.Concat(item.Parameters, was.Parameters), slices.Concat(after.Paths.Value(path).Parameters, is.Parameters), was.OperationID)...)
			list = append(list, lostBody(was, is)...)
			list = append(list, lostResponses(was, is)...)
		}
	}
	return list
}

func lostParameters(was, is openapi3.Parameters, where string) (list []string) {
	for _, p := range was {
		if is.GetByInAndName(p.Value.In, p.Value.Name) == nil {
			list = append(list, where+" does not take "+p.Value.Name)
		}
	}
	for _, p := range is {
		if p.Value.Required && was.GetByInAndName(p.Value.In, p.Value.Name) == nil {
			list = append(list, where+" needs "+p.Value.Name)
		}
	}
	return list
}

func lostBody(was, is *openapi3.Operation) []string {
	before, after := bodyOf(was), bodyOf(is)
	if after.Required && !before.Required {
		return []string{was.OperationID + " needs a body"}
	}
	return lostSchema(schemaOf(before.Content), schemaOf(after.Content), was.OperationID, true)
}

func bodyOf(o *openapi3.Operation) *openapi3.RequestBody {
	if o.RequestBody == nil {
		return openapi3.NewRequestBody()
	}
	return o.RequestBody.Value
}

func lostResponses(was, is *openapi3.Operation) (list []string) {
	for status, response := range was.Responses.Map() {
		where := was.OperationID + " " + status
		found := is.Responses.Value(status)
		if found == nil {
			list = append(list, where+" is gone")
			continue
		}
		list = append(list, lostSchema(schemaOf(response.Value.Content), schemaOf(found.Value.Content), where, false)...)
	}
	return list
}

// schemaOf returns the schema of the only media type.
func schemaOf(content openapi3.Content) *openapi3.Schema {
	for _, media := range content {
		return media.Schema.Value
	}
	return openapi3.NewSchema()
}

// lostSchema compares two schemas. A request may gain enum values and lose required fields. A response may gain required fields and lose
// enum values. Both may gain optional fields.
func lostSchema(was, is *openapi3.Schema, where string, request bool) (list []string) {
	if was.Type.Slice() != nil && !slices.Equal(was.Type.Slice(), is.Type.Slice()) {
		return []string{fmt.Sprintf("%s is %v and was %v", where, is.Type, was.Type)}
	}
	from, to := was, is
	if request {
		from, to = is, was
	}
	for _, name := range from.Required {
		if !slices.Contains(to.Required, name) {
			list = append(list, where+": "+name+" is required in only one of both")
		}
	}
	for _, word := range to.Enum {
		if !slices.Contains(from.Enum, word) {
			list = append(list, fmt.Sprintf("%s has the word %v in only one of both", where, word))
		}
	}
	for name, property := range was.Properties {
		found := is.Properties[name]
		if found == nil {
			list = append(list, where+" has no "+name)
			continue
		}
		list = append(list, lostSchema(property.Value, found.Value, where+"."+name, request)...)
	}
	if was.Items != nil {
		list = append(list, lostSchema(was.Items.Value, is.Items.Value, where+"[]", request)...)
	}
	return list
}
