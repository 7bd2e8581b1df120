package compose_test

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// startLimit bounds the wait for an event in a test. It is a safety limit: no verdict depends on it.
const startLimit = 2 * time.Minute

// process is one program of the stack. Its output is searched for the addresses that it has bound.
type process struct {
	path    string
	values  map[string]string
	cmd     *exec.Cmd
	ended   chan struct{}
	started chan addresses

	mu      sync.Mutex
	output  bytes.Buffer
	partial []byte
}

type addresses struct{ Addr, Ops string }

func startProcess(t *testing.T, path string, values map[string]string, arguments ...string) *process {
	t.Helper()
	p := &process{path: path, values: values, ended: make(chan struct{}), started: make(chan addresses, 1)}
	p.cmd = exec.Command(path, arguments...)
	p.cmd.Env = list(values)
	p.cmd.Stdout, p.cmd.Stderr = p, p
	require.NoError(t, p.cmd.Start())
	go func() {
		_ = p.cmd.Wait() // the state has the result
		close(p.ended)
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill() // unless it has ended
		<-p.ended
		if t.Failed() {
			t.Logf("%s wrote:\n%s", path, p.written())
		}
	})
	return p
}

// Write reads the program's output.
func (p *process) Write(text []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.output.Write(text)
	p.partial = append(p.partial, text...)
	for {
		line, rest, whole := bytes.Cut(p.partial, []byte("\n"))
		if !whole {
			return len(text), nil
		}
		p.partial = rest
		var bound struct {
			Msg string
			addresses
		}
		addr, listens := strings.CutPrefix(string(line), "listening on ")
		switch {
		case listens:
			bound.Addr = addr
		case json.Unmarshal(line, &bound) != nil || !strings.HasSuffix(bound.Msg, " started"):
			continue
		}
		select {
		case p.started <- bound.addresses:
		default:
		}
	}
}

func (p *process) written() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.output.String()
}

// bound waits until the program has started, and returns its address.
func (p *process) bound(t *testing.T) addresses {
	t.Helper()
	select {
	case at := <-p.started:
		return at
	case <-p.ended:
		require.FailNow(t, "it ended early", p.written())
	case <-time.After(startLimit):
		require.FailNow(t, "it has not started", p.written())
	}
	panic("unreachable")
}

func (p *process) wait(t *testing.T, limit time.Duration) (code int) {
	t.Helper()
	select {
	case <-p.ended:
	case <-time.After(limit):
		require.FailNow(t, "it has not ended", p.written())
	}
	return p.cmd.ProcessState.ExitCode()
}

func (p *process) stop(t *testing.T, limit time.Duration) {
	t.Helper()
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGTERM))
	assert.Zero(t, p.wait(t, limit), "%s exits with 0", p.path)
}

// run runs a program with the given environment until it ends.
func run(path string, values map[string]string, arguments ...string) (stdout, stderr string, code int) {
	var out, err bytes.Buffer
	cmd := exec.Command(path, arguments...)
	cmd.Env = list(values)
	cmd.Stdout, cmd.Stderr = &out, &err
	if failure := cmd.Run(); failure != nil && cmd.ProcessState == nil {
		return "", failure.Error(), -1
	}
	return out.String(), err.String(), cmd.ProcessState.ExitCode()
}

func list(values map[string]string) []string {
	entries := make([]string, 0, len(values))
	for name, value := range values {
		entries = append(entries, name+"="+value)
	}
	return entries
}
