package testservers

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

var errNotRunning = errors.New("not running")

// process is one run of a program. It has its own process group, so that Ctrl-C in the terminal does not end it before its owner does.
type process struct {
	pid  int
	done chan struct{} // closed when the process has ended
	err  error         // result of the process; valid after done is closed
}

// command describes the program to run. Its fields have the meanings of those in exec.Cmd and syscall.SysProcAttr.
type command struct {
	path       string
	args       []string
	dir        string
	output     *os.File
	credential *syscall.Credential
	orphaned   syscall.Signal // signal that the kernel sends when this process dies, on Linux
}

func startProcess(c command) (*process, error) {
	cmd := exec.Command(c.path, c.args...)
	cmd.Dir = c.dir
	cmd.Stdout, cmd.Stderr = c.output, c.output
	// Tests match messages, so they must be in English. PostgreSQL stores the time zone in its settings.
	cmd.Env = append(os.Environ(), "LC_ALL=C", "TZ=UTC")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: c.credential}
	signalWhenOrphaned(cmd.SysProcAttr, c.orphaned)

	p := &process{done: make(chan struct{})}
	started := make(chan error, 1)
	go p.run(cmd, started)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("starting %s: %w", c.path, err)
	}
	return p, nil
}

// run starts the program and waits for its end on a locked OS thread. The kernel sends the orphan signal when the thread that started the
// child ends, and the Go runtime may end other threads at any time.
func (p *process) run(cmd *exec.Cmd, started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := cmd.Start(); err != nil {
		started <- err
		return
	}
	p.pid = cmd.Process.Pid
	started <- nil
	p.err = cmd.Wait()
	close(p.done)
}

func (p *process) running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// wait waits for the end of the process, for at most the given time, and reports whether the process has ended.
func (p *process) wait(limit time.Duration) bool {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-p.done:
		return true
	case <-timer.C:
		return false
	}
}

// stop sends the process a signal to end, and kills it after the given time.
func (p *process) stop(sig syscall.Signal, grace time.Duration) error {
	// A frozen process would not handle the signal.
	if err := p.thaw(); err != nil {
		if errors.Is(err, errNotRunning) {
			return nil
		}
		return err
	}
	if err := signalProcess(p.pid, sig); err != nil {
		return err
	}
	if p.wait(grace) {
		return nil
	}
	return p.kill()
}

// kill ends the process and all its descendants with SIGKILL.
func (p *process) kill() error {
	family, err := p.freeze()
	if err != nil {
		if errors.Is(err, errNotRunning) {
			return nil
		}
		return err
	}
	var errs []error
	for _, pid := range family {
		errs = append(errs, signalProcess(pid, syscall.SIGKILL))
	}
	errs = append(errs, signalProcess(-p.pid, syscall.SIGKILL))
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if !p.wait(safetyLimit) {
		return fmt.Errorf("process %d is still there %s after SIGKILL", p.pid, safetyLimit)
	}
	return waitGone(family, safetyLimit)
}
