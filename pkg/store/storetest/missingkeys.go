package storetest

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/store"
)

// testMissingKeys takes a key away that the database needs, gives it back, and rotates it away in order.
func testMissingKeys(t *testing.T, open func(store.Sealer) *store.Store) {
	older, newer := newKey(t), newKey(t)
	before := open(ring(t, older))
	require.NoError(t, before.CheckKeys(t.Context()), "an empty database needs no key")
	w := sealedWorld(t, before, 1)
	require.NoError(t, before.CheckKeys(t.Context()))

	other := open(ring(t, newer))
	missing, err := other.MissingKeys(t.Context())
	require.NoError(t, err)
	require.Len(t, missing, 1)
	id, err := hex.DecodeString(missing[0])
	require.NoError(t, err)
	assert.Len(t, id, 8)
	err = other.CheckKeys(t.Context())
	require.ErrorContains(t, err, missing[0])
	assert.NotContains(t, err.Error(), older)
	assert.EqualValues(t, 1, other.MissingKeyCount())
	_, err = other.FindEndpoint(w.ctx, org, w.endpoint.ID)
	require.NoError(t, err, "it is shown all the same")

	both := open(ring(t, strings.Join([]string{newer, older}, ",")))
	require.NoError(t, both.CheckKeys(t.Context()))
	_, _, unreadable := resealAll(t, both)
	assert.Empty(t, unreadable)
	require.NoError(t, other.CheckKeys(t.Context()), "the older key is needed no more")
	assert.Zero(t, other.MissingKeyCount())
	assert.Error(t, before.CheckKeys(t.Context()), "and one that has only that has lost the database")
}
