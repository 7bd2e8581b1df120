package postgres_test

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/store/postgres"
)

// silentServer accepts connections and never answers. It counts those that are open at the same time.
type silentServer struct {
	net.Listener
	mutex      sync.Mutex
	open, most int
	serving    sync.WaitGroup
}

func (s *silentServer) serve() {
	for {
		connection, err := s.Accept()
		if err != nil {
			return
		}
		s.mutex.Lock()
		s.open++
		s.most = max(s.most, s.open)
		s.mutex.Unlock()
		s.serving.Go(func() {
			defer func() { _ = connection.Close() }()
			for buffer := make([]byte, 1024); ; {
				if _, err := connection.Read(buffer); err != nil {
					break // the client has given up
				}
			}
			s.mutex.Lock()
			s.open--
			s.mutex.Unlock()
		})
	}
}

// A server that is too busy to answer gets few new connections, however many callers wait for one.
func TestPoolOpensFewConnectionsAtOnce(t *testing.T) {
	t.Parallel()
	for name, suffix := range map[string]string{"one server": "/x?", "several servers": ",127.0.0.1:1/x?target_session_attrs=read-write&"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
			require.NoError(t, err)
			server := &silentServer{Listener: listener}
			server.serving.Go(server.serve)
			config, err := pgx.ParseConfig("postgres://test@" + listener.Addr().String() + suffix + "sslmode=disable")
			require.NoError(t, err)
			db := postgres.NewPool(*config, 20)

			const callers = 20
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			var waiting sync.WaitGroup
			for range callers {
				waiting.Go(func() { assert.True(t, postgres.Unavailable(db.PingContext(ctx))) })
			}
			waiting.Wait()
			require.NoError(t, db.Close())
			require.NoError(t, listener.Close())
			server.serving.Wait()
			assert.Positive(t, server.most)
			assert.LessOrEqual(t, server.most, postgres.Opening+1, "one more looks for another server")
		})
	}
}
