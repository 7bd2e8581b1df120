//go:build containers

package e2e

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"redrive/deploy/containers"
	"redrive/deploy/stack"
)

// join finds the session once. It sets the address at which containers reach receivers before the first receiver is started.
var join = sync.OnceValues(func() (*containers.Session, error) {
	session, err := containers.Join()
	if err == nil {
		receiverHost = session.Receivers
	}
	return session, err
})

// With this build tag, stories run only on the containers of docker-compose.yml.
func init() {
	var number atomic.Int64
	kinds = []*kind{ofServices("containers", func(tb testing.TB, options stack.Options) stack.Stack {
		session, err := join()
		require.NoError(tb, err)
		return stack.Containers(tb, session, fmt.Sprintf("e2e%d", number.Add(1)), options)
	})}
}
