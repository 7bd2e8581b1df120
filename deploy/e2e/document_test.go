package e2e

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/api-service/openapi/openapitest"
)

func TestDocumentIsPublicInBothForms(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		nobody := s.client("", "")
		yaml, asJSON := nobody.get(t, "/openapi.yaml"), nobody.get(t, "/openapi.json")
		require.Equal(t, http.StatusOK, yaml.status)
		require.Equal(t, http.StatusOK, asJSON.status)
		assert.Contains(t, yaml.header.Get("Content-Type"), "yaml")

		document, err := openapitest.Load(asJSON.body)
		require.NoError(t, err)
		assert.JSONEq(t, toJSON(t, s.contract.document), toJSON(t, document))
	})
}

// Every operation of the document has a route.
func TestDocumentOperationsExist(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		described := 0
		for _, item := range s.contract.document.Paths.Map() {
			described += len(item.Operations())
		}
		all := append(operations(), platformOperations()...)
		assert.Equal(t, described, len(all)+2, "the stories know every operation, and the document itself in two forms")

		c := s.organization(t)
		for _, o := range all {
			if answer := c.call(t, request{method: o.method, path: o.path, body: o.body}); answer.status == http.StatusNotFound {
				assert.NotContains(t, string(answer.body), "route_not_found", o.path)
			}
		}
	})
}
