package samples

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Calls returns a call of each operation of an OpenAPI document in JSON, by operation ID.
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

// decode keeps the text of numbers.
func decode(document []byte) (root any, err error) {
	decoder := json.NewDecoder(bytes.NewReader(document))
	decoder.UseNumber()
	err = decoder.Decode(&root)
	return root, err
}

// tree is a document that resolves references.
type tree struct{ root any }

// object returns nil if the value is not an object.
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

// placeholders are the placeholders for IDs in a path, by the prefix of the ID. An example ID would look like an existing one.
var placeholders = map[string]string{
	"ep": "ENDPOINT_ID", "dlv": "DELIVERY_ID", "evt": "EVENT_ID", "key": "API_KEY_ID", "job": "BULK_JOB_ID", "ses": "CONSOLE_SESSION_ID",
}

// exampleID matches an ID in a body.
var exampleID = regexp.MustCompile(`\b(ep|dlv|evt|key)_[0-9A-HJKMNP-TV-Z]{26}\b`)

// filled returns a path with its parameters replaced, and the required parameters of its query. An ID is replaced by a placeholder, and
// another parameter by its example.
func (d tree) filled(path string, parameters []any) string {
	query := url.Values{}
	for _, value := range parameters {
		parameter := d.object(value)
		example := fmt.Sprint(parameter["example"])
		prefix, _, _ := strings.Cut(example, "_")
		filling, known := placeholders[prefix]
		if !known {
			filling = example
		}
		switch name := fmt.Sprint(parameter["name"]); {
		case parameter["in"] == "path":
			path = strings.ReplaceAll(path, "{"+name+"}", filling)
		case parameter["in"] == "query" && parameter["required"] == true:
			query.Set(name, filling)
		}
	}
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	return path
}

// body returns the first example of an operation's request body, with placeholders for IDs.
func (d tree) body(operation map[string]any) (string, error) {
	content := d.object(d.object(operation["requestBody"])["content"])
	examples := d.object(d.object(content["application/json"])["examples"])
	for _, name := range slices.Sorted(maps.Keys(examples)) {
		text, err := json.MarshalIndent(d.object(examples[name])["value"], "", "  ")
		return exampleID.ReplaceAllStringFunc(string(text), func(id string) string {
			prefix, _, _ := strings.Cut(id, "_")
			return placeholders[prefix]
		}), err
	}
	return "", nil
}

// isPublic reports whether the operation has an empty list of security requirements.
func isPublic(operation map[string]any) bool {
	security, ok := operation["security"].([]any)
	return ok && len(security) == 0
}
