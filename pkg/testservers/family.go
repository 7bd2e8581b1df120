package testservers

import (
	"errors"
	"fmt"
	"syscall"
	"time"
)

// freeze stops the process and everything it has started, and returns the process IDs of the latter. The process group is not
// enough for that: PostgreSQL puts each of its backends into a session of its own, and they would go on answering queries.
func (p *process) freeze() ([]int, error) {
	if !p.running() {
		return nil, errNotRunning
	}
	// Parents first: a stopped parent cannot start another child while its children are being looked up.
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

// thaw undoes freeze.
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

// signalProcess sends a signal to a process, or to a process group if the ID is negative. One that is gone already is no error.
func signalProcess(pid int, sig syscall.Signal) error {
	if err := syscall.Kill(pid, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("sending %v to process %d: %w", sig, pid, err)
	}
	return nil
}

// waitGone waits until none of the processes is there any more. They are no children of this process, so asking is all it can do.
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

// below returns the IDs of all processes under root, parents before their children, given the children of every process.
func below(root int, children map[int][]int) []int {
	var found []int
	for queue := []int{root}; len(queue) > 0; queue = queue[1:] {
		found = append(found, children[queue[0]]...)
		queue = append(queue, children[queue[0]]...)
	}
	return found
}
