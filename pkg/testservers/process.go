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

// killTimeout is how long a killed process may take to disappear. Only one that hangs inside of the kernel takes longer.
const killTimeout = time.Minute

var errNotRunning = errors.New("not running")

// process is one run of a program, in a process group of its own so that a Ctrl-C in the terminal does not end it before its owner
// wants it to.
type process struct {
	pid  int
	done chan struct{} // closed when the process has ended
	err  error         // how it ended; read it after done
}

// command says what to run. The fields are those of exec.Cmd and syscall.SysProcAttr.
type command struct {
	path       string
	args       []string
	dir        string
	output     *os.File
	credential *syscall.Credential
	orphaned   syscall.Signal // sent by the kernel when this process dies, where the kernel can
}

func startProcess(c command) (*process, error) {
	cmd := exec.Command(c.path, c.args...)
	cmd.Dir = c.dir
	cmd.Stdout, cmd.Stderr = c.output, c.output
	// Messages are matched and shown, so they have to be in English. The time zone ends up in the settings of PostgreSQL.
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

// run starts the program and waits for its end without ever leaving its thread: what the kernel takes for the death of the parent
// is the death of the thread that started the child, and the Go runtime ends threads as it likes.
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

// wait waits for the end of the process, for at most the given time, and reports whether it came.
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

// stop asks the process to end and kills it when it has not done so in time.
func (p *process) stop(sig syscall.Signal, grace time.Duration) error {
	// A frozen process would not hear the request.
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

// kill ends the process and all that it has started, without giving any of them a chance to tidy up.
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
	if !p.wait(killTimeout) {
		return fmt.Errorf("process %d is still there %s after SIGKILL", p.pid, killTimeout)
	}
	return waitGone(family, killTimeout)
}
