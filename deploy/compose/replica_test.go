package compose_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redrive/pkg/lifecycle"
	"redrive/pkg/testlog"
	"redrive/pkg/testservers"
)

// The proxy and the replicas have their own addresses of loopback, because their ports are fixed. Concurrent runs of these tests use
// different addresses.
var (
	proxyAddress = ownAddress(1)
	firstReplica = ownAddress(2)
	otherReplica = ownAddress(3)
)

func ownAddress(host int) string {
	pid := os.Getpid()
	return fmt.Sprintf("127.%d.%d.%d", 64+pid>>8&0x3f, pid&0xff, host)
}

// requestLog counts the requests that replicas have read, by their bodies or paths.
type requestLog struct {
	mutex sync.Mutex
	read  map[string]int
	from  map[string]int // by replica
}

func newRequestLog() *requestLog {
	return &requestLog{read: make(map[string]int), from: make(map[string]int)}
}

func (l *requestLog) add(replica, request string) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.read[request]++
	l.from[replica]++
}

func (l *requestLog) counts() (read, from map[string]int) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.read, l.from
}

// replica stops in the same way as the API.
type replica struct {
	api, ops *lifecycle.Server
}

// startReplica starts a server with the API's ports.
func startReplica(t *testing.T, address string, handler http.Handler) *replica {
	t.Helper()
	ready := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	r := &replica{listen(t, address+":8080", handler), listen(t, address+":9090", ready)}
	t.Cleanup(func() { r.stop(t) })
	return r
}

func listen(t *testing.T, address string, handler http.Handler) *lifecycle.Server {
	t.Helper()
	server, err := lifecycle.NewServer(address, &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute})
	require.NoError(t, err)
	server.Start()
	return server
}

func (r *replica) stop(t *testing.T) {
	t.Helper()
	r.api.Drain(t.Context(), time.Millisecond)
	require.NoError(t, r.api.Stop(contextOf(t)))
	require.NoError(t, r.ops.Stop(contextOf(t)))
}

// recording answers 200 after it has recorded the request.
func recording(name string, into *requestLog) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		into.add(name, r.URL.Path+string(body))
		w.Header().Set("X-Seen-From", r.Header.Get("X-Forwarded-For"))
		w.Header().Set("X-Seen-Host", r.Host)
	})
}

// startProxy runs the container's configuration with addresses of this machine, and returns the proxy's URL once it is healthy.
func startProxy(t *testing.T, names *nameServer) (url string) {
	t.Helper()
	text, err := os.ReadFile(proxyConfiguration)
	require.NoError(t, err)
	here := string(text)
	for inside, outside := range map[string]string{
		"dns 127.0.0.11:53": "dns " + names.conn.LocalAddr().String(),
		"bind :":            "bind " + proxyAddress + ":",
		"\nglobal\n":        "\nglobal\n    noreuseport\n", // it fails if another process has the address
	} {
		require.Contains(t, here, inside)
		here = strings.ReplaceAll(here, inside, outside)
	}
	file := filepath.Join(t.TempDir(), "haproxy.cfg")
	require.NoError(t, os.WriteFile(file, []byte(here), 0o600))
	var said testlog.Buffer
	program, err := testservers.FindHAProxy()
	require.NoError(t, err)
	checked, err := exec.Command(program, "-c", "-f", file).CombinedOutput()
	require.NoError(t, err, string(checked))
	cmd := exec.Command(program, "-db", "-f", file)
	cmd.Stdout, cmd.Stderr = &said, &said
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
		if t.Failed() {
			t.Log(said.String())
		}
	})
	require.Eventually(t, func() bool {
		response, err := http.Get("http://" + net.JoinHostPort(proxyAddress, "8404") + "/healthz")
		if err != nil {
			return false
		}
		_ = response.Body.Close()
		return response.StatusCode == http.StatusOK
	}, startLimit, 50*time.Millisecond, "the proxy is healthy")
	return "http://" + net.JoinHostPort(proxyAddress, "8080")
}
