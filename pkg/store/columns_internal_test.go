package store

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm/schema"
)

// A column that is added to the row of an endpoint is also read for dispatches.
func TestEndpointColumnsToSendAreAll(t *testing.T) {
	parsed, err := schema.Parse(&endpointRow{}, &schemas, schema.NamingStrategy{})
	require.NoError(t, err)
	var read []string
	for _, match := range regexp.MustCompile(`e\.(\w+)`).FindAllStringSubmatch(endpointColumnsToSend, -1) {
		read = append(read, match[1])
	}
	assert.Equal(t, parsed.DBNames, read)
	assert.Len(t, (&endpointRow{}).targets(), len(read))
}
