//go:build containers

package e2e

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"redrive/deploy/containers"
	"redrive/deploy/stack"
)

// TestContainers tells all stories to the containers of docker-compose.yml.
func TestContainers(t *testing.T) {
	session, err := containers.Join()
	require.NoError(t, err)
	receiverHost = session.Receivers // before any receiver is started
	var number atomic.Int64
	tell(t, func(tb testing.TB, options stack.Options) stack.Stack {
		return stack.Containers(tb, session, fmt.Sprintf("e2e%d", number.Add(1)), options)
	})
}
