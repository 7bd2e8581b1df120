//go:build !linux

package testservers

import (
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
)

// signalWhenOrphaned does nothing: only Linux tells children that their parent has died.
func signalWhenOrphaned(*syscall.SysProcAttr, syscall.Signal) {}

// descendants returns the IDs of the processes that the given one has started, and of those that they have started.
func descendants(root int) ([]int, error) {
	out, err := exec.Command("ps", "-axo", "pid=,ppid=").Output()
	if err != nil {
		return nil, fmt.Errorf("running ps: %w", err)
	}
	children := make(map[int][]int)
	for line := range strings.Lines(string(out)) {
		var pid, parent int
		if _, err := fmt.Sscan(line, &pid, &parent); err == nil {
			children[parent] = append(children[parent], pid)
		}
	}
	return below(root, children), nil
}

func alive(pid int) bool {
	return !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
}
