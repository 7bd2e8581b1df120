package queue_test

import (
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redrive/pkg/queue"
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
