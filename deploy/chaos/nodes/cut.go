package nodes

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
)

// cut drops all packets between the node and addresses, both ways, until heal. Both ends keep their connections and get no error.
func (n *node) cut(ctx context.Context, addresses ...string) error {
	return n.filter(ctx, append(drop("OUTPUT -d", addresses), drop("INPUT -s", addresses)...))
}

// deafen drops the packets from addresses to the node alone: what the node sends arrives, and it gets no answer.
func (n *node) deafen(ctx context.Context, addresses ...string) error {
	return n.filter(ctx, drop("INPUT -s", addresses))
}

// heal lets all packets pass again.
func (n *node) heal(ctx context.Context) error { return n.filter(ctx, []string{"iptables -w -F"}) }

// drop are the commands that drop the packets of one direction.
func drop(direction string, addresses []string) (commands []string) {
	for _, address := range addresses {
		commands = append(commands, fmt.Sprintf("iptables -w -A %s %s -j DROP", direction, address))
	}
	return commands
}

// filter runs commands in the network namespace of the node.
func (n *node) filter(ctx context.Context, commands []string) error {
	pid, err := n.pid(ctx)
	if err != nil {
		return err
	}
	said, err := exec.CommandContext(ctx, "nsenter", "-t", pid, "-n", "sh", "-c", strings.Join(commands, " && ")).CombinedOutput() //nolint:gosec // the commands are its own
	if err != nil {
		return fmt.Errorf("change the packet filter of %s: %w\n%s", n.role, err, said)
	}
	return nil
}
