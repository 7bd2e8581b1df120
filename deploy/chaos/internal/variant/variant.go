// Package variant is a dispatcher without one of its safeguards, to show that the harness detects its absence. It is built from the
// dispatcher's own parts and exists only here: no setting of the product has this effect.
//
// A harness runs it by starting its own program again, with Command as the first argument.
package variant

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"redrive/dispatcher-service/app"
	"redrive/pkg/backend"
	"redrive/pkg/config"
	"redrive/pkg/egress"
	"redrive/pkg/lifecycle"
	"redrive/pkg/observe"
	"redrive/pkg/queue"
)

// Command is the first argument that makes a harness's program this dispatcher. The control and the version follow it.
const Command = "dispatcher-without"

// Control is the safeguard that is removed.
type Control string

// The controls.
const (
	// NoReconciler finds nothing that is due, so that tasks that the queue has lost stay lost.
	NoReconciler Control = "no-reconciler"
	// NoFencing writes every outcome without a comparison of the row's revision.
	NoFencing Control = "no-fencing"
	// AsynqDefaults leaves recovery to asynq, at asynq's own interval.
	AsynqDefaults Control = "asynq-defaults"
)

// Controls are all controls.
var Controls = []Control{NoReconciler, NoFencing, AsynqDefaults}

// asynqForwardInterval is asynq's own, as of 0.26.
const asynqForwardInterval = 5 * time.Second

// IsCommand reports whether a program's arguments select this dispatcher.
func IsCommand(args []string) bool { return len(args) == 4 && args[1] == Command }

// Args returns the arguments that select it.
func Args(control Control, version string) []string {
	return []string{Command, string(control), version}
}

// Main runs the dispatcher until a signal ends it, and returns the exit code. It has the settings of the real one.
func Main(args, environ []string, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if err := run(ctx, Control(args[2]), args[3], environ, stderr); err != nil {
		fmt.Fprintf(stderr, "%s: %v\n", Command, err)
		return 1
	}
	return 0
}

// Exit is Main for the program's main function.
func Exit() { os.Exit(Main(os.Args, os.Environ(), os.Stderr)) }

func run(ctx context.Context, control Control, version string, environ []string, logTo io.Writer) error {
	settings, err := config.LoadDispatcher(config.Environ(environ))
	if err != nil {
		return err
	}
	opened, err := backend.Open(settings.Shared, config.Replica{}, "redrive-dispatcher")
	if err != nil {
		return err
	}
	log := observe.NewLogger(logTo, settings.Level, settings.Format)
	slog.SetDefault(log)
	queue.LogTo(log)
	options := app.Options{
		Store:           opened.Store,
		Redis:           opened.Redis,
		Guard:           egress.New(egress.Config{AllowHTTP: settings.AllowHTTP, Allow: settings.Allow, NAT64: settings.NAT64}),
		Log:             log,
		OpsAddr:         settings.OpsAddr,
		Memory:          int64(settings.Memory),
		Concurrency:     settings.Concurrency,
		DeliveryTimeout: settings.DeliveryTimeout,
		DatabaseTimeout: settings.Statements.Timeout,
		RetrySchedule:   settings.RetrySchedule,
		Version:         version,
	}
	if err := control.apply(&options, opened); err != nil {
		return errors.Join(err, opened.Close())
	}
	service, err := app.New(options)
	if err != nil {
		return errors.Join(err, opened.Close())
	}
	err = lifecycle.Run(ctx, service, service.TimeToStop())
	if !errors.Is(err, context.DeadlineExceeded) { // deliveries in progress need both
		err = errors.Join(err, opened.Close())
	}
	return err
}

func (c Control) apply(options *app.Options, opened *backend.Backend) error {
	switch c {
	case NoReconciler:
		options.Store = forgetful{opened.Store}
	case NoFencing:
		options.Store = unfenced{opened.Store}
	case AsynqDefaults:
		options.Store = forgetful{opened.Store}
		options.ForwardInterval = asynqForwardInterval
	default:
		return fmt.Errorf("there is no control %q", c)
	}
	return nil
}
