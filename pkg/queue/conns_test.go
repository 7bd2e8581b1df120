package queue_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/queue"
)

// replyTimeout is longer than any reply takes on a busy machine.
const replyTimeout = 3 * time.Second

// blackhole is a TCP proxy that can discard everything on its open connections and still serve new ones.
type blackhole struct {
	listener net.Listener
	target   string
	dials    atomic.Int64
	lost     atomic.Int64 // dead connections on which something was sent
	mutex    sync.Mutex
	dead     *atomic.Bool // shared by the connections that are open now
	open     []net.Conn
	group    sync.WaitGroup
}

func newBlackhole(t *testing.T, target string) *blackhole {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &blackhole{listener: listener, target: target, dead: new(atomic.Bool)}
	s.group.Go(s.accept)
	t.Cleanup(func() {
		_ = listener.Close()
		s.mutex.Lock()
		for _, conn := range s.open {
			_ = conn.Close()
		}
		s.mutex.Unlock()
		s.group.Wait()
	})
	return s
}

func (s *blackhole) addr() string { return s.listener.Addr().String() }

// discard makes all open connections dead.
func (s *blackhole) discard() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.dead.Store(true)
	s.dead = new(atomic.Bool)
}

func (s *blackhole) accept() {
	for {
		client, err := s.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", s.target)
		if err != nil {
			_ = client.Close()
			return
		}
		s.dials.Add(1)
		s.mutex.Lock()
		dead := s.dead
		s.open = append(s.open, client, server)
		s.mutex.Unlock()
		var once sync.Once
		s.group.Go(func() { s.pass(server, client, dead, func() { once.Do(func() { s.lost.Add(1) }) }) })
		s.group.Go(func() { s.pass(client, server, dead, func() {}) })
	}
}

func (s *blackhole) pass(to, from net.Conn, dead *atomic.Bool, lost func()) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 && dead.Load() {
			lost()
		} else if n > 0 {
			_, _ = to.Write(buffer[:n])
		}
		if err != nil {
			if errors.Is(err, io.EOF) && !dead.Load() {
				_ = to.Close()
			}
			return
		}
	}
}

// fill opens count connections with concurrent commands.
func (s *blackhole) fill(t *testing.T, client, direct redis.UniversalClient, count int64) {
	t.Helper()
	var group sync.WaitGroup
	for i := range count {
		group.Go(func() { assert.NoError(t, client.BLPop(t.Context(), soon, fmt.Sprint("list", i)).Err()) })
	}
	require.Eventually(t, func() bool {
		return strings.Count(direct.ClientList(t.Context()).Val(), "cmd=blpop") == int(count)
	}, soon, 5*time.Millisecond)
	for i := range count {
		require.NoError(t, direct.RPush(t.Context(), fmt.Sprint("list", i), "").Err())
	}
	group.Wait()
}

// After one command on a dead connection timed out, no other command is sent on a dead connection.
func TestDeadConnectionsOneTimeoutClosesAll(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	server, serverKey := a.issue("server", "127.0.0.1")
	tls := map[string]string{"tls-cert-file": server, "tls-key-file": serverKey, "tls-auth-clients": "no"}
	for _, scheme := range []string{"redis", "rediss"} {
		t.Run(scheme, func(t *testing.T) {
			t.Parallel()
			var target string
			var files queue.TLSFiles
			if scheme == "redis" {
				target = strings.TrimSuffix(strings.TrimPrefix(startRedis(t, nil).URL(), "redis://"), "/0")
			} else {
				target, files = a.startTLS(tls), queue.TLSFiles{CA: a.file("ca.crt")}
			}
			proxy := newBlackhole(t, target)
			connect := func(addr string) redis.UniversalClient {
				client, err := queue.ConnectWithin(scheme+"://"+addr+"?pool_size=100", files, replyTimeout)
				require.NoError(t, err)
				t.Cleanup(func() { require.NoError(t, client.Close()) })
				return client
			}
			client := connect(proxy.addr())
			proxy.fill(t, client, connect(target), 20)
			proxy.discard()

			require.NoError(t, client.Ping(t.Context()).Err())
			require.EqualValues(t, 1, proxy.lost.Load())
			var group sync.WaitGroup
			for range 20 {
				require.NoError(t, client.Ping(t.Context()).Err())
				group.Go(func() { assert.NoError(t, client.Ping(t.Context()).Err()) })
			}
			group.Wait()
			assert.EqualValues(t, 1, proxy.lost.Load(), "commands were sent on connections that were known to be dead")
		})
	}
}

// Concurrent commands on dead connections are each retried once.
func TestDeadConnectionsConcurrentCommandsSucceed(t *testing.T) {
	t.Parallel()
	target := strings.TrimSuffix(strings.TrimPrefix(startRedis(t, nil).URL(), "redis://"), "/0")
	proxy := newBlackhole(t, target)
	client, err := queue.ConnectWithin("redis://"+proxy.addr()+"?pool_size=100", queue.TLSFiles{}, replyTimeout)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	proxy.fill(t, client, newBench(t, "redis://"+target).Redis, 20)
	proxy.discard()
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() { assert.NoError(t, client.Ping(t.Context()).Err()) })
	}
	group.Wait()
	assert.LessOrEqual(t, proxy.lost.Load(), int64(20))
}

// A call on a dead connection waits at most for one reply and one dial.
func TestTimeoutsBoundACall(t *testing.T) {
	io, dial := queue.BoundsOfACall()
	assert.Less(t, io, 2*time.Second)
	assert.LessOrEqual(t, dial, time.Second)
}
