// Command bench measures Redrive and what bounds it, and prints one table. See package bench, and --help.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"redrive/deploy/bench"
)

const (
	exitFailed  = 1
	exitInvalid = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // A second Ctrl-C ends this process and its child processes immediately.
	code := run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string) int {
	if len(args) == 1 && args[0] == bench.WorkerCommand {
		return status(bench.Work(ctx, os.Stdin, os.Stdout))
	}
	options, err := bench.ParseOptions(args, os.Stderr)
	switch {
	case errors.Is(err, bench.ErrHelp):
		return 0
	case err != nil:
		return exitInvalid // The message has been printed.
	}
	return status(bench.Run(ctx, options, os.Stdout, os.Stderr))
}

func status(err error) int {
	if err == nil {
		return 0
	}
	fmt.Fprintln(os.Stderr, "bench:", err)
	return exitFailed
}
