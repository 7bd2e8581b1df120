package process

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// child is one run of a program, in a process group of its own, so that a Ctrl-C in the terminal does not reach it.
type child struct {
	process *os.Process
	done    chan struct{} // closed when it has ended
	state   *os.ProcessState
}

func startChild(path string, args, environ []string, output io.Writer) (*child, error) {
	cmd := exec.Command(path, args...)
	cmd.Env = environ
	cmd.Stdout, cmd.Stderr = output, output
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	endWithParent(cmd.SysProcAttr)

	c := &child{done: make(chan struct{})}
	started := make(chan error)
	go c.run(cmd, started)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", path, err)
	}
	return c, nil
}

// run stays on one thread. The kernel signals the child when the thread that started it ends, and the Go runtime ends threads at any time.
func (c *child) run(cmd *exec.Cmd, started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := cmd.Start(); err != nil {
		started <- err
		return
	}
	c.process = cmd.Process
	started <- nil
	_ = cmd.Wait() // the state has the result
	c.state = cmd.ProcessState
	close(c.done)
}

// signal does nothing if the process has ended.
func (c *child) signal(signal os.Signal) error {
	if err := c.process.Signal(signal); !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return nil
}

// wait waits at most the given time for the end, and reports whether the process has ended.
func (c *child) wait(limit time.Duration) bool {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-c.done:
		return true
	case <-timer.C:
		return false
	}
}

func (c *child) running() bool {
	select {
	case <-c.done:
		return false
	default:
		return true
	}
}
