package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"syscall"
)

// supervise runs the command and passes signals on to it until it ends.
func supervise(args, env []string, signals <-chan os.Signal) (status int, err error) {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = env
	cmd.Stdin = inputFor(os.Stdin)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	// The command has a process group of its own. A Ctrl-C therefore reaches it once, and not from the terminal too. SIGTERM ends the test
	// programs together with the go command.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return exitFailure, fmt.Errorf("starting the command: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		select {
		case sig := <-signals:
			if err := syscall.Kill(-cmd.Process.Pid, sig.(syscall.Signal)); err != nil && !errors.Is(err, syscall.ESRCH) {
				fmt.Fprintf(os.Stderr, "withservers: passing on %v: %v\n", sig, err)
			}
		case err := <-ended:
			return exitStatus(err)
		}
	}
}

// inputFor passes files and pipes on, but no terminal: a command outside of the terminal's foreground group would be stopped at its
// first read.
func inputFor(stdin *os.File) *os.File {
	info, err := stdin.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice != 0 {
		return nil
	}
	return stdin
}

func exitStatus(err error) (int, error) {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0, nil
	case !errors.As(err, &exit):
		return exitFailure, fmt.Errorf("waiting for the command: %w", err)
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal()), nil
	}
	return exit.ExitCode(), nil
}

func withoutCgoSwitch(env []string) []string {
	return slices.DeleteFunc(slices.Clone(env), func(entry string) bool { return entry == "CGO_ENABLED=0" })
}
