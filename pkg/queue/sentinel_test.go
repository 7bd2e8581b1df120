package queue_test

import (
	"fmt"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/queue"
	"redrive/pkg/testservers"
)

// The same files serve the sentinel and the primary.
func TestTLSSentinel(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	server, serverKey := a.issue("server", "127.0.0.1")
	certificate, key := a.issue("client")
	settings := map[string]string{"tls-cert-file": server, "tls-key-file": serverKey}
	primary := a.startTLS(settings)
	_, port, err := net.SplitHostPort(primary)
	require.NoError(t, err)
	settings["tls-replication"] = "yes" // how it speaks to the primary
	sentinel := a.startSentinelTLS("sentinel monitor m 127.0.0.1 "+port+" 1", settings)

	files := queue.TLSFiles{CA: a.file("ca.crt"), Cert: certificate, Key: key}
	for _, on := range []string{"1", "true", "T"} {
		client, err := queue.ConnectTLS("redis-sentinel://"+sentinel+"?master=m&tls="+on, files)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, client.Close()) })
		require.Eventually(t, func() bool { return queue.Probe(t.Context(), client) == nil }, soon, 20*time.Millisecond, on)
	}
}

// The primary dies, and the sentinel promotes its replica. The same client enqueues there.
func TestSentinelFailoverEnqueuesOnNewPrimary(t *testing.T) {
	t.Parallel()
	start := func(options testservers.RedisOptions) *testservers.RedisServer {
		server, err := testservers.StartRedis(options)
		require.NoError(t, err)
		t.Cleanup(func() { assert.NoError(t, server.Close()) })
		return server
	}
	primary := start(testservers.RedisOptions{})
	replica := start(testservers.RedisOptions{Settings: map[string]string{"replicaof": "127.0.0.1 " + strconv.Itoa(primary.Port())}})
	sentinel := start(testservers.RedisOptions{Sentinel: fmt.Sprintf(
		"sentinel monitor m 127.0.0.1 %d 1\nsentinel down-after-milliseconds m 500\nsentinel failover-timeout m 5000", primary.Port(),
	)})
	sentinels := redis.NewClient(&redis.Options{Addr: fmt.Sprintf("127.0.0.1:%d", sentinel.Port())})
	t.Cleanup(func() { assert.NoError(t, sentinels.Close()) })
	require.Eventually(t, func() bool { // the sentinel finds the replica in INFO of the primary, which it reads every second
		known, err := sentinels.Do(t.Context(), "SENTINEL", "REPLICAS", "m").Slice()
		return err == nil && len(known) == 1
	}, soon, 20*time.Millisecond)

	client, err := queue.Connect(fmt.Sprintf("redis-sentinel://127.0.0.1:%d?master=m", sentinel.Port()))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, client.Close()) })
	require.NoError(t, queue.Probe(t.Context(), client))
	require.NoError(t, primary.Kill())
	began := time.Now()
	require.Eventually(t, func() bool { return queue.Probe(t.Context(), client) == nil }, soon, 20*time.Millisecond)
	t.Logf("writes work again after %s", time.Since(began).Round(time.Millisecond))
	assert.Contains(t, client.Info(t.Context(), "server").Val(), fmt.Sprintf("process_id:%d\r", replica.PID()))
}
