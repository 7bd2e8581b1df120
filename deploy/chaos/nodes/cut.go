package nodes

import (
	"context"
	"fmt"
	"os/exec"
)

// cut drops all packets between the node and addresses, both ways, until heal. Both ends keep their connections and get no error.
func (n *node) cut(ctx context.Context, addresses ...string) error {
	for _, address := range addresses {
		if err := n.filter(ctx, "-A", "OUTPUT", "-d", address, "-j", "DROP"); err != nil {
			return err
		}
	}
	return n.deafen(ctx, addresses...)
}

// deafen drops the packets from addresses to the node alone: what the node sends arrives, and it gets no answer.
func (n *node) deafen(ctx context.Context, addresses ...string) error {
	for _, address := range addresses {
		if err := n.filter(ctx, "-A", "INPUT", "-s", address, "-j", "DROP"); err != nil {
			return err
		}
	}
	return nil
}

// heal lets all packets pass again.
func (n *node) heal(ctx context.Context) error { return n.filter(ctx, "-F") }

// filter runs iptables in the network namespace of the node.
func (n *node) filter(ctx context.Context, args ...string) error {
	pid, err := n.pid(ctx)
	if err != nil {
		return err
	}
	said, err := exec.CommandContext(ctx, "nsenter", append([]string{"-t", pid, "-n", "iptables", "-w"}, args...)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("change the packet filter of %s: %w\n%s", n.role, err, said)
	}
	return nil
}
