package postgres

import (
	"net"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// After a failover the connections to the former primary are closed while the pool has them. The pool then closes them as well.
func TestSessionClosedTwiceIsNoError(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, listener.Close()) })
	s := newSessions()
	opened, err := s.dial(t.Context(), "tcp", listener.Addr().String())
	require.NoError(t, err)
	require.NoError(t, opened.Close())
	require.NoError(t, opened.Close())
	assert.Empty(t, s.open)
}
