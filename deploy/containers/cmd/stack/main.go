// Command stack tests the containers: it opens a session on the Docker engine and runs the tests of the containers in it. The exit code is
// 0, with a message, if no engine answers. It is 1 if a test failed, and 2 if the tests could not run.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"redrive/deploy/containers"
)

const (
	exitFailed  = 1
	exitInvalid = 2
	// closeLimit bounds the time to remove everything.
	closeLimit = 2 * time.Minute
	// killDelay is how long interrupted tests may take to end.
	killDelay = time.Minute
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout)
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string, out io.Writer) (code int) {
	version, answers := containers.Answers(ctx)
	if !answers {
		fmt.Fprintln(out, "no Docker engine answers: the containers were not tested")
		return 0
	}
	fmt.Fprintf(out, "Docker engine %s\n", version)
	began := time.Now()
	session, err := containers.Open(ctx, out)
	defer func() {
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeLimit)
		defer cancel()
		if err := session.Close(limited); err != nil {
			fmt.Fprintln(out, "stack: remove what was made:", err)
			code = max(code, exitFailed)
		}
		fmt.Fprintf(out, "stack: %s\n", time.Since(began).Round(time.Second))
	}()
	if err != nil {
		fmt.Fprintln(out, "stack:", err)
		return exitInvalid
	}
	fmt.Fprintf(out, "the session is %s; its images took %s\n", session.ID, time.Since(began).Round(time.Second))
	if err := test(ctx, session, args, out); err != nil {
		fmt.Fprintln(out, "stack:", err)
		return exitFailed
	}
	return 0
}

// suites are the packages with tests of the containers. The tests have a build tag of their own.
var suites = []string{"./e2e", "./chaos/docker"}

// test runs the tests with further arguments for `go test`. The suites run in parallel: each has its own projects, and both mostly wait.
func test(ctx context.Context, session *containers.Session, args []string, out io.Writer) error {
	all := append([]string{"test", "-tags", "containers", "-count", "1", "-timeout", "30m", "-p", strconv.Itoa(len(suites))}, args...)
	cmd := exec.CommandContext(ctx, "go", append(all, suites...)...)
	cmd.Dir = filepath.Join(session.Repository, "deploy")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", containers.Variable+"="+session.File())
	cmd.Stdout, cmd.Stderr = out, out
	// A Ctrl-C reaches only this process, which forwards it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGINT) }
	cmd.WaitDelay = killDelay
	err := cmd.Run()
	if cmd.Process != nil {
		awaitGroup(cmd.Process.Pid)
	}
	if err != nil {
		return fmt.Errorf("the tests of the containers: %w", err)
	}
	return nil
}

// awaitGroup waits until no process of a group is left. Otherwise a docker command could create resources after everything was removed.
func awaitGroup(group int) {
	deadline := time.Now().Add(killDelay)
	for syscall.Kill(-group, 0) == nil && time.Now().Before(deadline) {
		time.Sleep(100 * time.Millisecond)
	}
}
