// Command withservers runs a command, such as the tests of all packages, with a PostgreSQL server that exists as long as the
// command does:
//
//	withservers [--] command [argument...]
//
// It installs what the tests need and the machine lacks, or says how to, see testservers.Install. The server's address is in the
// environment of the command as TEST_DATABASE_URL; if that is set already, no server is started. TEST_PROGRAMS names a folder in which
// tests share the programs that they build. A Redis is not started, because the
// packages under test start their own in no time.
//
// Interrupts and requests to terminate go to the command and everything that it has started. The exit status is the command's, or
// 128 and the number of the signal that ended it.
//
// CGO_ENABLED=0 is not passed on. It lets `go run` build this command where a C compiler is missing or broken, and would keep the
// command from using the race detector.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"redrive/pkg/testservers"
)

const (
	exitFailure = 1
	exitUsage   = 2
)

func main() {
	args := os.Args[1:]
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		fmt.Fprintln(os.Stderr, "usage: withservers [--] command [argument...]")
		os.Exit(exitUsage)
	}
	status, err := run(args)
	if err != nil {
		fmt.Fprintln(os.Stderr, "withservers:", err)
		if status == 0 {
			status = exitFailure
		}
	}
	os.Exit(status)
}

// run returns the status to exit with. All that it started has ended by then.
func run(args []string) (status int, err error) {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)

	if err := prepare(signals); err != nil {
		return exitFailure, err
	}
	env, stop, err := startServer(os.Environ())
	if err != nil {
		return exitFailure, err
	}
	defer func() {
		if stopErr := stop(); stopErr != nil && err == nil {
			err = stopErr
		}
	}()
	programs, err := os.MkdirTemp("", "redrive-programs-")
	if err != nil {
		return exitFailure, fmt.Errorf("making a folder for programs: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(programs)) }()
	return supervise(args, append(env, testservers.ProgramsVariable+"="+programs), signals)
}

// prepare installs what is missing, until a signal comes.
func prepare(signals <-chan os.Signal) error {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	done := make(chan error, 1)
	go func() { done <- testservers.Install(ctx, os.Stderr) }()
	select {
	case err := <-done:
		return err
	case sig := <-signals:
		cancel(fmt.Errorf("got %v", sig))
		return errors.Join(context.Cause(ctx), <-done)
	}
}

// startServer starts PostgreSQL if the environment names none, and returns the environment for the command.
func startServer(environment []string) (env []string, stop func() error, err error) {
	env = withoutCgoSwitch(environment)
	if os.Getenv("TEST_DATABASE_URL") != "" {
		return env, func() error { return nil }, nil
	}
	server, err := testservers.StartPostgres(testservers.PostgresOptions{Settings: map[string]string{
		"synchronous_commit": "off",  // The data does not outlive the server.
		"max_connections":    "1000", // Several packages use it at the same time.
	}})
	if err != nil {
		return nil, nil, fmt.Errorf("starting PostgreSQL: %w", err)
	}
	return append(env, "TEST_DATABASE_URL="+server.URL()), server.Close, nil
}
