// Command api-service serves Redrive's HTTP API, migrates its database, manages its API keys and runs bulk jobs.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// version is set by the linker.
var version = "dev"

const (
	exitFailed  = 1
	exitInvalid = 2 // wrong arguments or settings; a restart does not help
)

const usage = `api-service serves Redrive's HTTP API. Environment variables configure it (see the README).

  api-service [serve]            serve the API
  api-service migrate            bring the database's schema up to date
  api-service partition          divide deliveries, attempts and events by month, beside running services. Retention then drops
                                 whole months. It can be interrupted and run again; a divided database stays divided
  api-service keys create --organization ID --name NAME [--scope read|read-write]
                                 create an API key and print it once
  api-service keys create --platform --name NAME
                                 create a platform key, which acts for every organization
  api-service keys list [--organization ID]
  api-service keys revoke [--descendants] ID
                                 revoke an API key, and the keys that were created by it
  api-service organizations list
  api-service organizations delete ID
                                 delete an organization; it is erased when ERASURE_DELAY has passed
  api-service organizations restore ID
                                 restore a deleted organization; with REDIS_URL its waiting deliveries are sent at once
  api-service bulk retry|replay|cancel [--from TIME] [--to TIME] [--endpoint ID] [--organization ID] [--plan] [--json]
                                 [--per-second N] [--cancel-on-interrupt]
                                 start one bulk job for each organization that has deliveries which match, and wait for the jobs.
                                 TIME is RFC 3339. At least one of --from, --to and --endpoint is required.
                                 Each job handles --per-second deliveries a second: 200 by default, and 0 is as fast as fairness allows.
                                 --plan counts only and changes nothing; --json prints one JSON object for each job.
                                 Ctrl-C leaves the jobs running, or cancels them with --cancel-on-interrupt
  api-service stats backfill     count again what processes have done that do not count
  api-service rotate-secrets     encrypt stored secrets again with the first key in SECRETS_KEY
  api-service healthcheck        check whether the service in the same container is ready
  api-service --version | --help
`

// invalidError is an error in the arguments or settings.
type invalidError struct{ error }

func (e invalidError) Unwrap() error { return e.error }

func invalid(format string, args ...any) error { return invalidError{fmt.Errorf(format, args...)} }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the process at once
	code := run(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	err := command(ctx, args, environ, stdout, stderr)
	if err == nil {
		return 0
	}
	_, _ = fmt.Fprintf(stderr, "api-service: %v\n", err)
	if errors.As(err, &invalidError{}) {
		return exitInvalid
	}
	return exitFailed
}

func command(ctx context.Context, args, environ []string, stdout, stderr io.Writer) error {
	name := "serve"
	if len(args) > 0 {
		name, args = args[0], args[1:]
	}
	switch name {
	case "serve", "migrate", "partition", "rotate-secrets":
		if len(args) > 0 {
			return invalid("%s takes no arguments; try --help", name)
		}
		switch name {
		case "migrate":
			return migrate(ctx, environ, stdout)
		case "partition":
			return partition(ctx, environ, stdout)
		case "rotate-secrets":
			return rotateSecrets(ctx, environ, stdout)
		}
		return serve(ctx, environ, stderr)
	case "healthcheck":
		return healthcheck(ctx, environ)
	case "keys":
		return keys(ctx, args, environ, stdout)
	case "stats":
		return manageStatistics(ctx, args, environ, stdout)
	case "bulk":
		return manageBulkJobs(ctx, args, environ, stdout, stderr)
	case "organizations":
		return manageOrganizations(ctx, args, environ, stdout)
	case "--version", "-version", "version":
		_, err := fmt.Fprintln(stdout, version)
		return err
	case "--help", "-help", "-h", "help":
		_, err := fmt.Fprint(stdout, usage)
		return err
	}
	return invalid("there is no command %q; try --help", name)
}
