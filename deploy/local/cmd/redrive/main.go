// Command redrive runs Redrive in one process: `redrive` until it is stopped, `redrive demo` for a short demonstration without remaining
// data. `redrive info` prints the addresses and commands of the running one.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"redrive/deploy/local"
	"redrive/pkg/config"
	"redrive/pkg/lifecycle"
	"redrive/pkg/queue"
)

const (
	exitFailed  = 1
	exitInvalid = 2 // wrong arguments or settings: a restart cannot help
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the process immediately
	code := run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string) int {
	var err error
	switch {
	case len(args) == 1 && args[0] == "demo":
		err = local.Demo(ctx, os.Stdout)
	case len(args) == 0 || len(args) == 1 && args[0] == "info":
		settings, invalid := config.LoadLocal(config.Environ(os.Environ()))
		if invalid != nil {
			fmt.Fprintln(os.Stderr, "redrive:", invalid)
			return exitInvalid
		}
		if len(args) == 1 {
			err = local.Info(ctx, settings.Dir, os.Stdout)
		} else {
			err = serve(ctx, settings)
		}
	default:
		fmt.Fprintln(os.Stderr, "redrive: the commands are demo and info; without one Redrive runs until it is stopped")
		return exitInvalid
	}
	if err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "redrive:", err)
		return exitFailed
	}
	return 0
}

func serve(ctx context.Context, settings config.Local) error {
	log := local.NewLogger(os.Stderr, settings.LogLevel, settings.LogFormat)
	slog.SetDefault(log) // messages of libraries go to the log too
	queue.LogTo(log)
	l, err := local.New(ctx, local.Options{
		Dir: settings.Dir, APIAddr: settings.Addr, OpsAddr: settings.OpsAddr, ReceiverAddr: settings.ReceiverAddr,
		DeliveryTimeout: settings.DeliveryTimeout, RetrySchedule: settings.RetrySchedule, Retention: settings.Retention, DatabaseTimeout: settings.Statements.Timeout,
		ErasureDelay: settings.Erasure.Delay,
		FailingAfter: settings.Failing.After, OperationsOrganization: settings.Operations.Organization,
		Log: log,
	})
	if err != nil {
		return err
	}
	return lifecycle.Run(ctx, welcoming{l}, l.TimeToStop())
}

// welcoming seeds a new folder once everything runs, and prints instructions.
type welcoming struct{ *local.Local }

func (w welcoming) Start(ctx context.Context) error {
	if err := w.Local.Start(ctx); err != nil {
		return err
	}
	if _, err := w.Seed(ctx); err != nil {
		return err
	}
	if err := w.Announce(); err != nil {
		return err
	}
	return w.Welcome(ctx, os.Stdout)
}
