package store

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestNewNumbered(t *testing.T) {
	t.Parallel()
	assert.Equal(t, numbered("SELECT 1"), newNumbered("SELECT 1"))
	assert.Equal(t, numbered("SELECT $1, CAST($2 AS text) WHERE a = $3"), newNumbered("SELECT ?, CAST(? AS text) WHERE a = ?"))
	d := newDivisible("SELECT ? FROM events{part} JOIN deliveries{part} WHERE id = ?")
	assert.Equal(t, numbered("SELECT $1 FROM events JOIN deliveries WHERE id = $2"), d.in(""))
	assert.Equal(t, numbered("SELECT $1 FROM events_202604 JOIN deliveries_202604 WHERE id = $2"), d.in("_202604"))
}
