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

// served is the document in both forms, with the samples that are made of it. An error means that the embedded file is not what
// the tests hold it to be.
var served = sync.OnceValue(func() (s struct {
	yaml, json []byte
	err        error
},
) {
	written, err := yaml.YAMLToJSONStrict(document)
	if err == nil {
		s.yaml, err = withSamples(document, written)
	}
	if err == nil {
		s.json, err = yaml.YAMLToJSONStrict(s.yaml)
	}
	if err != nil {
		s.err = fmt.Errorf("make the OpenAPI document: %w", err)
	}
	return s
})

// YAML returns the document as it was written, comments included, with code samples. It is made on the first call only.
func YAML() ([]byte, error) { return bytes.Clone(served().yaml), served().err }

// JSON returns the same document as JSON.
func JSON() ([]byte, error) { return bytes.Clone(served().json), served().err }
