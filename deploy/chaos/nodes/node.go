package nodes

import (
	"context"
	"fmt"
	"maps"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"redrive/deploy/containers"
)

// spec describes a node.
type spec struct {
	// role is its name in the world.
	role string
	// host is the last number of its addresses.
	host     int
	networks []string
	// alias is a further name in its networks. Optional.
	alias string
	user  string
	// mounts are files of this machine by their paths in the container.
	mounts map[string]string
	env    map[string]string
	// stores gives the node a volume for /data, which is faster than the layers of a container.
	stores  bool
	stop    string // the signal that ends it; SIGTERM if empty
	command []string
}

// node is one container. Its addresses stay when it is started again.
type node struct {
	spec
	container string
	subnets   map[string]string
}

// start makes and starts a container in the networks of the world.
func (w *world) start(ctx context.Context, s spec) (*node, error) {
	n := &node{spec: s, container: w.name(s.role), subnets: w.subnets}
	args := []string{
		"create", "--name", n.container, "--hostname", s.role, "--label", label + "=node", "--label", w.mark(), "--user", s.user,
		"--network", w.name(s.networks[0]), "--ip", n.address(s.networks[0]), "--volume", "/usr:/usr:ro",
	}
	if s.alias != "" {
		args = append(args, "--network-alias", s.alias)
	}
	if s.stores {
		args = append(args, "--volume", "/data")
	}
	if s.stop != "" {
		args = append(args, "--stop-signal", s.stop)
	}
	for _, inside := range slices.Sorted(maps.Keys(s.mounts)) {
		args = append(args, "--volume", s.mounts[inside]+":"+inside+":ro")
	}
	for _, name := range slices.Sorted(maps.Keys(s.env)) {
		args = append(args, "--env", name+"="+s.env[name])
	}
	if _, err := containers.Docker(ctx, append(append(args, image), s.command...)...); err != nil {
		return nil, err
	}
	for _, network := range s.networks[1:] {
		if _, err := containers.Docker(ctx, "network", "connect", "--ip", n.address(network), w.name(network), n.container); err != nil {
			return nil, err
		}
	}
	return n, n.resume(ctx)
}

// address is the node's address in a network.
func (n *node) address(network string) string {
	return fmt.Sprintf("%s.%d", n.subnets[network], n.host)
}

// addresses are all of them.
func (n *node) addresses() (all []string) {
	for _, network := range n.networks {
		all = append(all, n.address(network))
	}
	return all
}

// addresses are all addresses of nodes.
func addresses(nodes ...*node) (all []string) {
	for _, n := range nodes {
		all = append(all, n.addresses()...)
	}
	return all
}

// resume starts the container, also after kill and stop. All cuts are removed then.
func (n *node) resume(ctx context.Context) error {
	_, err := containers.Docker(ctx, "start", n.container)
	return err
}

// kill ends the node as the loss of its machine would: its processes end at the time that is returned, and then its address disappears.
func (n *node) kill(ctx context.Context) (at time.Time, err error) {
	said, err := n.pid(ctx)
	if err != nil {
		return at, err
	}
	pid, err := strconv.Atoi(strings.TrimSpace(said))
	if err == nil {
		at = time.Now()
		err = syscall.Kill(pid, syscall.SIGKILL) // the engine takes seconds for it on a busy machine
	}
	if err == nil {
		_, err = containers.Docker(ctx, "wait", n.container)
	}
	if err != nil {
		return at, fmt.Errorf("kill %s: %w", n.role, err)
	}
	return at, nil
}

// shutDown stops the node with its stop signal, and kills it after the limit.
func (n *node) shutDown(ctx context.Context, limit time.Duration) error {
	_, err := containers.Docker(ctx, "stop", "--time", strconv.Itoa(int(limit.Seconds())), n.container)
	return err
}

// exitCode is that of a node that has ended.
func (n *node) exitCode(ctx context.Context) (string, error) {
	return containers.Docker(ctx, "inspect", "--format", "{{.State.ExitCode}}", n.container)
}

func (n *node) pause(ctx context.Context) error {
	_, err := containers.Docker(ctx, "pause", n.container)
	return err
}

func (n *node) unpause(ctx context.Context) error {
	_, err := containers.Docker(ctx, "unpause", n.container)
	return err
}

// exec runs a command in the container and returns what it printed.
func (n *node) exec(ctx context.Context, command ...string) (string, error) {
	return containers.Docker(ctx, append([]string{"exec", n.container}, command...)...)
}

// logs are the last lines of standard error and standard output; "all" is every line.
func (n *node) logs(ctx context.Context, lines string) (string, error) {
	said, err := exec.CommandContext(ctx, "docker", "logs", "--tail", lines, n.container).CombinedOutput() //nolint:gosec // its own container
	if err != nil {
		return "", fmt.Errorf("read the log of %s: %w", n.role, err)
	}
	return string(said), nil
}

func (n *node) pid(ctx context.Context) (string, error) {
	pid, err := containers.Docker(ctx, "inspect", "--format", "{{.State.Pid}}", n.container)
	if err == nil && strings.TrimSpace(pid) == "0" {
		err = fmt.Errorf("%s does not run", n.role)
	}
	return pid, err
}
