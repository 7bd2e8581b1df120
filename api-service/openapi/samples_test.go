package openapi

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type sample struct{ Lang, Label, Source string }

func samplesOf(t *testing.T, id string) []sample {
	t.Helper()
	text, err := json.Marshal(find(load(t), id).Extensions["x-codeSamples"])
	require.NoError(t, err)
	var list []sample
	require.NoError(t, json.Unmarshal(text, &list))
	return list
}

// Another test runs the samples against a service. This one checks their content.
func TestOperationsAllHaveSamples(t *testing.T) {
	for _, op := range operations(load(t)) {
		list := samplesOf(t, op.OperationID)
		require.Len(t, list, 4, op.name)
		method, path, _ := strings.Cut(op.name, " ")
		for i, label := range []string{"curl", "JavaScript", "Python", "Go"} {
			source := list[i].Source
			assert.Equal(t, label, list[i].Label)
			assert.Contains(t, source, method)
			assert.Contains(t, source, strings.Split(path, "{")[0])
			assert.NotContains(t, source, "{id}", "a parameter without an example")
			assert.Equal(t, op.Security == nil, strings.Contains(source, "REDRIVE_API_KEY"), "%s: %s", op.name, source)
		}
	}
	for _, s := range samplesOf(t, "publishEvent") {
		assert.Contains(t, s.Source, `"eventType": "run.finished"`, "the body's example")
	}
	for _, s := range samplesOf(t, "retryDelivery") {
		assert.Contains(t, s.Source, "/deliveries/DELIVERY_ID/retry\"")
		assert.NotContains(t, s.Source, "dlv_", "an example would be taken for an ID")
		assert.NotContains(t, s.Source, "Content-Type", "there is no body")
	}
}

func TestSamplesLeaveDocumentUnchanged(t *testing.T) {
	lines := strings.Split(string(written(t)), "\n")
	for line := range strings.Lines(string(document)) {
		i := 0
		for i < len(lines) && lines[i] != strings.TrimSuffix(line, "\n") {
			i++
		}
		require.Less(t, i, len(lines), "is gone, or out of its order: %s", line)
		lines = lines[i+1:]
	}
}
