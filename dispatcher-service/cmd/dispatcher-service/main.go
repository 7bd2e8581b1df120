// Command dispatcher-service dequeues deliveries and POSTs them to their endpoints.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"redrive/dispatcher-service/app"
	"redrive/pkg/backend"
	"redrive/pkg/config"
	"redrive/pkg/egress"
	"redrive/pkg/lifecycle"
	"redrive/pkg/observe"
	"redrive/pkg/queue"
	"redrive/pkg/tracing/otlp"
	"redrive/pkg/webhook"
)

// version is stamped by the linker.
var version = "dev"

const (
	exitFailed  = 1
	exitInvalid = 2 // wrong arguments or settings: a restart does not help
)

// commandHealthcheck runs in the container of the service and reads the same settings.
const commandHealthcheck = "healthcheck"

const usage = `dispatcher-service dequeues deliveries and POSTs them to their endpoints.
It is configured by environment variables (see the README).

  dispatcher-service                      deliver until SIGINT or SIGTERM
  dispatcher-service healthcheck          check that the service in this container is ready
  dispatcher-service --version | --help
`

// garbage is the default of GOGC. Nearly all allocations are garbage after their attempt, so the heap is small. Collecting it three times
// less often costs about 20 MB and saves a tenth of the processor time under load. The API keeps Go's default: its publishes get no cheaper,
// and its small answers beside long pages get slower (row bytes-api of the benchmark).
const garbage = 300

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbage)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the process at once
	code := run(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("dispatcher-service", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {} // printed for --help only, not after an error
	showVersion := flags.Bool("version", false, "print the version")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		_, _ = fmt.Fprint(stdout, usage)
		return 0
	case err != nil:
		return exitInvalid
	case flags.NArg() > 0 && (flags.NArg() > 1 || flags.Arg(0) != commandHealthcheck):
		_, _ = fmt.Fprintf(stderr, "dispatcher-service: there is no command %q\n", flags.Arg(0))
		return exitInvalid
	case *showVersion:
		_, _ = fmt.Fprintln(stdout, version)
		return 0
	}

	settings, wrong := config.LoadDispatcher(config.Environ(environ))
	if flags.Arg(0) == commandHealthcheck && wrong == nil {
		if err := observe.Healthcheck(ctx, settings.OpsAddr, "/readyz"); err != nil {
			return report(stderr, err, exitFailed)
		}
		return 0
	}
	opened, alsoWrong := backend.Open(settings.Shared, config.Replica{}, "redrive-dispatcher")
	if err := config.Problems(wrong, alsoWrong); err != nil {
		if opened != nil {
			_ = opened.Close() // it has no connections
		}
		return report(stderr, err, exitInvalid)
	}
	err := serve(ctx, settings, opened, stderr)
	// After a deadline, deliveries are still in flight and use the backend. It is closed by the end of the process then: asynq panics if its
	// Redis client is closed.
	if !errors.Is(err, context.DeadlineExceeded) {
		err = errors.Join(err, opened.Close())
	}
	if err != nil {
		return report(stderr, err, exitFailed)
	}
	return 0
}

func report(stderr io.Writer, err error, code int) int {
	_, _ = fmt.Fprintf(stderr, "dispatcher-service: %v\n", err)
	return code
}

func serve(ctx context.Context, settings config.Dispatcher, opened *backend.Backend, logTo io.Writer) error {
	log := observe.NewLogger(logTo, settings.Level, settings.Format)
	slog.SetDefault(log) // for the log of libraries
	lifecycle.LimitMemory(ctx, log)
	queue.LogTo(log)
	traces, err := otlp.Open(ctx, settings.Tracing, "dispatcher-service", version, log)
	if err != nil {
		return err
	}
	defer traces.Close()
	opened.Store.SetOperations(webhook.Operations{FailingAfter: settings.Failing.After, Organization: settings.Operations.Organization})
	service, err := app.New(app.Options{
		Tracing:             traces.Tracing(),
		SendTraceparent:     settings.SendTraceparent,
		Store:               opened.Store,
		Redis:               opened.Redis,
		Guard:               egress.New(egress.Config{AllowHTTP: settings.AllowHTTP, Allow: settings.Allow, NAT64: settings.NAT64}),
		Log:                 log,
		OpsAddr:             settings.OpsAddr,
		Profiles:            settings.Profiles.Profiles,
		Memory:              int64(settings.Memory),
		Concurrency:         settings.Concurrency,
		EndpointConcurrency: settings.EndpointConcurrency,
		DeliveryTimeout:     settings.DeliveryTimeout,
		DatabaseTimeout:     settings.Statements.Timeout,
		RetrySchedule:       settings.RetrySchedule,
		Retention:           settings.Retention,
		Version:             version,
	})
	if err != nil {
		return err
	}
	return lifecycle.Run(ctx, service, service.TimeToStop())
}
