//go:build linux && !containers

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/deploy/stack"
)

// ownNetwork is set in a process whose network is its own.
const ownNetwork = "REDRIVE_TEST_OWN_NETWORK"

// A dispatcher on a machine with few local ports delivers everything, as in TestDispatcherShortOfDescriptorsPutsOff. All of its attempts
// go to one address, for which each needs a port of its own. The servers and the services run in a network that this test makes.
func TestDispatcherShortOfPortsPutsOff(t *testing.T) {
	t.Parallel()
	if os.Getenv(ownNetwork) == "" {
		runInOwnNetwork(t)
		return
	}
	require.NoError(t, exec.Command("ip", "link", "set", "lo", "up").Run())
	log := new(journal)
	s := newSuite(t, stack.Processes(t, shortStack(log, 0)))
	short := newGate()
	hook := newReceiver(t)
	var urls []string
	for i := range shortEndpoints {
		urls = append(urls, hook.on(fmt.Sprint("/", i), status(200).behind(short)))
	}
	require.NoError(t, os.WriteFile("/proc/sys/net/ipv4/ip_local_port_range", []byte("20000 20063"), 0))
	s.deliversInSpite(t, log, short, urls, func(int) *receiver { return hook })
	assert.Equal(t, 1, log.Count("local ports"), "%s", log)
}

// runInOwnNetwork runs this test again in a new network namespace, with servers of its own.
func runInOwnNetwork(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root may make a network in which PostgreSQL can run")
	}
	program, err := os.Executable()
	require.NoError(t, err)
	again := exec.CommandContext(t.Context(), program, "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=30m")
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "TEST_DATABASE_URL=") && !strings.HasPrefix(variable, "TEST_REDIS_URL=") {
			again.Env = append(again.Env, variable)
		}
	}
	again.Env = append(again.Env, ownNetwork+"=1")
	again.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	output, err := again.CombinedOutput()
	if os.IsPermission(err) {
		t.Skip("this container may not make a network: ", err)
	}
	require.NoError(t, err, "%s", output)
	require.Contains(t, string(output), "--- PASS: "+t.Name())
}
