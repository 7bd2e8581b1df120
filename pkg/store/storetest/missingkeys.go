package storetest

import (
	"context"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/store"
)

// testMissingKeys removes a key that the database needs, adds it again, and rotates it.
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
	assert.EqualValues(t, 1, other.MissingKeyCount(t.Context()))
	_, err = other.FindEndpoint(w.ctx, org, w.endpoint.ID)
	require.NoError(t, err, "it is shown all the same")

	both := open(ring(t, strings.Join([]string{newer, older}, ",")))
	require.NoError(t, both.CheckKeys(t.Context()))
	_, _, unreadable := resealAll(t, both)
	assert.Empty(t, unreadable)
	require.Error(t, other.CheckKeys(t.Context()), "an answer is kept for a while")
	rotated, late := open(ring(t, newer)), open(ring(t, older))
	assert.Zero(t, rotated.MissingKeyCount(t.Context()), "the older key is needed no more")
	require.NoError(t, rotated.CheckKeys(t.Context()))
	ended, end := context.WithCancel(t.Context())
	end()
	assert.Zero(t, late.MissingKeyCount(ended), "without an answer of the database, the last known number is kept")
	assert.EqualValues(t, 1, late.MissingKeyCount(t.Context()), "the gauge reads by itself")
	assert.Error(t, late.CheckKeys(t.Context()), "one that has only the older key has lost the database")
}

// testMissingHeaderKeys seals only headers with the older key. A new signing secret during a rotation leads to this state.
func testMissingHeaderKeys(t *testing.T, open func(store.Sealer) *store.Store) {
	older, newer := newKey(t), newKey(t)
	w := sealedWorld(t, open(ring(t, older)), 1)
	both := open(ring(t, strings.Join([]string{newer, older}, ",")))
	_, err := Rotate(t.Context(), both, org, w.endpoint.ID, "whsec_new", 0, start)
	require.NoError(t, err)
	require.NoError(t, both.CheckKeys(t.Context()))
	assert.Error(t, open(ring(t, newer)).CheckKeys(t.Context()))
}
