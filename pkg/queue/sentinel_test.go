package queue_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redrive/pkg/queue"
)

// A sentinel with TLS and a password leads to a server with TLS and another one, by the same files.
func TestTLSOfSentinel(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	server, serverKey := a.issue("server", "127.0.0.1")
	certificate, key := a.issue("client")
	settings := map[string]string{"tls-cert-file": server, "tls-key-file": serverKey}
	primary := a.startTLS(settings)
	_, port, err := net.SplitHostPort(primary)
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "sentinel.conf")
	require.NoError(t, os.WriteFile(file, fmt.Appendf(nil, "sentinel monitor m 127.0.0.1 %s 1\nrequirepass hush\n", port), 0o600))
	sentinel := a.startTLS(map[string]string{
		"tls-cert-file": server, "tls-key-file": serverKey, "tls-replication": "yes", "sentinel": file,
	})

	files := queue.Files{CA: a.file("ca.crt"), Cert: certificate, Key: key}
	for _, on := range []string{"1", "true", "T"} {
		client, err := queue.ConnectTLS("redis-sentinel://"+sentinel+"?master=m&sentinel_password=hush&tls="+on, files)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, client.Close()) })
		require.Eventually(t, func() bool { return queue.Probe(t.Context(), client) == nil }, soon, 20*time.Millisecond, on)
	}
}
