package samples

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Calls reads an OpenAPI document, as JSON, and returns one call of each of its operations, by their IDs.
func Calls(document []byte) (map[string]Call, error) {
	root, err := decode(document)
	if err != nil {
		return nil, fmt.Errorf("read the OpenAPI document: %w", err)
	}
	d := tree{root}
	calls := map[string]Call{}
	for path, value := range d.object(d.object(root)["paths"]) {
		item := d.object(value)
		for _, method := range []string{"get", "put", "post", "delete", "patch"} {
			if operation := d.object(item[method]); operation != nil {
				parameters := append(d.list(item["parameters"]), d.list(operation["parameters"])...)
				body, err := d.body(operation)
				if err != nil {
					return nil, fmt.Errorf("%s %s: %w", method, path, err)
				}
				calls[fmt.Sprint(operation["operationId"])] = Call{
					Method: strings.ToUpper(method), Path: d.filled(path, parameters), Body: body, Public: isPublic(operation),
				}
			}
		}
	}
	return calls, nil
}

// decode keeps numbers as they are written.
func decode(document []byte) (root any, err error) {
	decoder := json.NewDecoder(bytes.NewReader(document))
	decoder.UseNumber()
	err = decoder.Decode(&root)
	return root, err
}

// tree is a document whose references can be followed.
type tree struct{ root any }

// object is nil for what is none.
func (d tree) object(value any) map[string]any {
	object, _ := value.(map[string]any)
	reference, ok := object["$ref"].(string)
	if !ok {
		return object
	}
	found := d.root
	for name := range strings.SplitSeq(strings.TrimPrefix(reference, "#/"), "/") {
		object, _ := found.(map[string]any)
		found = object[name]
	}
	return d.object(found)
}

func (d tree) list(value any) []any {
	list, _ := value.([]any)
	return slices.Clip(list)
}

// placeholders stand in a path for IDs, by the prefix of the kind of ID. An example would be taken for an ID that exists.
var placeholders = map[string]string{"ep": "ENDPOINT_ID", "dlv": "DELIVERY_ID", "key": "API_KEY_ID"}

// filled returns a path with a placeholder for each parameter whose example is an ID, and the example of any other.
func (d tree) filled(path string, parameters []any) string {
	for _, value := range parameters {
		parameter := d.object(value)
		if parameter["in"] != "path" {
			continue
		}
		example := fmt.Sprint(parameter["example"])
		prefix, _, _ := strings.Cut(example, "_")
		filling, known := placeholders[prefix]
		if !known {
			filling = example
		}
		path = strings.ReplaceAll(path, fmt.Sprintf("{%s}", parameter["name"]), filling)
	}
	return path
}

// body is the first example of what an operation takes.
func (d tree) body(operation map[string]any) (string, error) {
	content := d.object(d.object(operation["requestBody"])["content"])
	examples := d.object(d.object(content["application/json"])["examples"])
	for _, name := range slices.Sorted(maps.Keys(examples)) {
		text, err := json.MarshalIndent(d.object(examples[name])["value"], "", "  ")
		return string(text), err
	}
	return "", nil
}

// isPublic says whether the operation's own list of what a caller has to show is there and empty.
func isPublic(operation map[string]any) bool {
	security, ok := operation["security"].([]any)
	return ok && len(security) == 0
}
