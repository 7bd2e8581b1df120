//go:build !linux

package testservers

import (
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
)

// signalWhenOrphaned does nothing, because only Linux can signal children when their parent dies.
func signalWhenOrphaned(*syscall.SysProcAttr, syscall.Signal) {}

// descendants returns the IDs of the descendants of a process.
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
