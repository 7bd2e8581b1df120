package testservers

import (
	"errors"
	"fmt"
	"syscall"
	"time"
)

// freeze sends SIGSTOP to the process and all its descendants, and returns the IDs of the descendants. Stopping the process group is not
// enough: each backend of PostgreSQL has its own session and would continue to serve queries.
func (p *process) freeze() ([]int, error) {
	if !p.running() {
		return nil, errNotRunning
	}
	// Parents are stopped first, so that they cannot start another child while their children are being listed.
	if err := signalProcess(-p.pid, syscall.SIGSTOP); err != nil {
		return nil, err
	}
	family, err := descendants(p.pid)
	if err != nil {
		return nil, fmt.Errorf("looking up the children of process %d: %w", p.pid, err)
	}
	var errs []error
	for _, pid := range family {
		errs = append(errs, signalProcess(pid, syscall.SIGSTOP))
	}
	return family, errors.Join(errs...)
}

// thaw continues the processes that freeze has stopped.
func (p *process) thaw() error {
	if !p.running() {
		return errNotRunning
	}
	family, err := descendants(p.pid)
	if err != nil {
		return fmt.Errorf("looking up the children of process %d: %w", p.pid, err)
	}
	var errs []error
	for _, pid := range family {
		errs = append(errs, signalProcess(pid, syscall.SIGCONT))
	}
	errs = append(errs, signalProcess(-p.pid, syscall.SIGCONT))
	return errors.Join(errs...)
}

// signalProcess sends a signal to a process, or to a process group if the ID is negative. It is not an error if the process is gone.
func signalProcess(pid int, sig syscall.Signal) error {
	if err := syscall.Kill(pid, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("sending %v to process %d: %w", sig, pid, err)
	}
	return nil
}

// waitGone polls until none of the processes exists. They are not children of this process, so it cannot wait for them otherwise.
func waitGone(pids []int, limit time.Duration) error {
	deadline := time.Now().Add(limit)
	for _, pid := range pids {
		for alive(pid) {
			if time.Now().After(deadline) {
				return fmt.Errorf("process %d is still there after %s", pid, limit)
			}
			time.Sleep(time.Millisecond)
		}
	}
	return nil
}

// below returns the IDs of all descendants of root, parents before children. children maps each process to its children.
func below(root int, children map[int][]int) []int {
	var found []int
	for queue := []int{root}; len(queue) > 0; queue = queue[1:] {
		found = append(found, children[queue[0]]...)
		queue = append(queue, children[queue[0]]...)
	}
	return found
}
