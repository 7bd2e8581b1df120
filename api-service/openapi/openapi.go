// Package openapi embeds the OpenAPI document, which is the contract of the public HTTP API.
//
// openapi.yaml is written by hand, and tests compare the API service with it. It describes everything that a route accepts or answers.
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

// served returns the document in both formats, with code samples. An error means that the embedded file is invalid, which tests exclude.
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

// YAML returns the document as it was written, with comments and code samples. The first call generates it.
func YAML() ([]byte, error) { return bytes.Clone(served().yaml), served().err }

// JSON returns the same document as JSON.
func JSON() ([]byte, error) { return bytes.Clone(served().json), served().err }
