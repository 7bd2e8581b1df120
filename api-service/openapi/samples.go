package openapi

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"

	"redrive/api-service/openapi/samples"
)

// operationID matches the line that names an operation of this server. The line of a callback has a larger indentation.
var operationID = regexp.MustCompile(`(?m)^ {6}operationId: (\w+)\n`)

// withSamples adds x-codeSamples to every operation. It edits the text, so that comments stay.
func withSamples(document, asJSON []byte) ([]byte, error) {
	calls, err := samples.Calls(asJSON)
	if err != nil {
		return nil, err
	}
	var failed error
	document = operationID.ReplaceAllFunc(document, func(line []byte) []byte {
		list, err := samples.Of(calls[string(operationID.FindSubmatch(line)[1])])
		if err != nil {
			failed = err
		}
		return append(bytes.Clone(line), asYAML(list)...)
	})
	return document, failed
}

// asYAML writes each source as a literal block, which needs no escapes.
func asYAML(list []samples.Sample) []byte {
	var text bytes.Buffer
	text.WriteString("      x-codeSamples:\n")
	for _, s := range list {
		_, _ = fmt.Fprintf(&text, "        - lang: %s\n          label: %s\n          source: |\n", s.Lang, s.Label)
		for line := range strings.Lines(s.Source) {
			if strings.TrimSpace(line) != "" {
				text.WriteString("            ")
			}
			text.WriteString(line)
		}
	}
	return text.Bytes()
}
