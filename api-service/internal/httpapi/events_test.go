package httpapi

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPublishReturnsDeliveries(t *testing.T) {
	s := newService(t).withKeys(t)
	none := granted(t, s.call(t, "POST", base+"/events", s.writer, publishBody))
	assert.Equal(t, []any{}, none["deliveries"])

	first, _ := s.endpoint(t, s.writer)
	second, _ := s.endpoint(t, s.writer)
	published := granted(t, s.call(t, "POST", base+"/events", s.writer, publishBody))
	var endpoints []string
	for _, item := range published["deliveries"].([]any) {
		made := item.(map[string]any)
		assert.Len(t, made, 2, "%v", made)
		endpoints = append(endpoints, made["endpointId"].(string))
		whole := granted(t, s.call(t, "GET", deliveries+"/"+made["id"].(string), s.reader, ""))
		require.Equal(t, made["endpointId"], whole["endpointId"])
		assert.Equal(t, published["event"].(map[string]any)["id"], whole["requestBody"].(map[string]any)["id"])
	}
	assert.ElementsMatch(t, []string{first, second}, endpoints)
}
