// Package openapi is the public HTTP contract as a document, embedded and served.
//
// openapi.yaml is written by hand and comes first: the API service is held against it, not the other way round. Whatever
// a route takes or answers is described there, and what is not described there does not exist.
package openapi

import (
	"bytes"
	_ "embed"
	"fmt"
	"sync"

	"sigs.k8s.io/yaml"
)

//go:embed openapi.yaml
var document []byte

var converted = sync.OnceValues(func() ([]byte, error) {
	document, err := yaml.YAMLToJSONStrict(document)
	if err != nil {
		return nil, fmt.Errorf("convert the OpenAPI document to JSON: %w", err)
	}
	return document, nil
})

// YAML returns the document as it was written, comments included.
func YAML() []byte { return bytes.Clone(document) }

// JSON returns the same document as JSON. It is converted on the first call only; an error means that the embedded file is
// not YAML, which the tests rule out.
func JSON() ([]byte, error) {
	document, err := converted()
	return bytes.Clone(document), err
}
