//go:build containers

package docker

import (
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// hardened checks the kernel's view of the first process of each container.
func (w *world) hardened() {
	w.t.Helper()
	found, err := w.Containers(w.ctx)
	require.NoError(w.t, err)
	for _, c := range found {
		if !c.State.Running {
			continue // it has ended
		}
		status := w.status(c.State.PID)
		for _, set := range []string{"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"} {
			assert.Equal(w.t, "0000000000000000", status[set], "%s: %s", c.Service(), set)
		}
		assert.Equal(w.t, "1", status["NoNewPrivs"], c.Service())
		assert.Equal(w.t, "2", status["Seccomp"], "%s is filtered", c.Service())
		for _, id := range []string{"Uid", "Gid"} {
			assert.NotContains(w.t, strings.Fields(status[id]), "0", "%s: %s", c.Service(), id)
		}
		assert.Contains(w.t, strings.Split(w.rootOptions(c.State.PID), ","), "ro", "%s: its root file system is read-only", c.Service())
	}
}

// status reads /proc/PID/status.
func (w *world) status(pid int) map[string]string {
	w.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	require.NoError(w.t, err)
	fields := map[string]string{}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		fields[name] = strings.TrimSpace(value)
	}
	return fields
}

// rootOptions are the mount options of a process's root.
func (w *world) rootOptions(pid int) string {
	w.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/mountinfo", pid))
	require.NoError(w.t, err)
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); fields[4] == "/" {
			return fields[5]
		}
	}
	require.FailNow(w.t, "no root", "%d", pid)
	return ""
}

// published checks that nothing can be reached from another machine.
func (w *world) published() {
	w.t.Helper()
	found, err := w.Containers(w.ctx)
	require.NoError(w.t, err)
	for _, c := range found {
		for port, bindings := range c.NetworkSettings.Ports {
			for _, binding := range bindings {
				assert.Equal(w.t, "127.0.0.1", binding.HostIP, "%s: %s", c.Service(), port)
			}
		}
	}
	outside := net.JoinHostPort(w.Receivers, w.Value("API_PORT"))
	connection, err := net.DialTimeout("tcp", outside, time.Second)
	if !assert.Error(w.t, err, "the API answers at an address that is not loopback") {
		require.NoError(w.t, connection.Close())
	}
}
