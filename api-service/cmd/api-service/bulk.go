package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"time"

	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

// bulkActions are the actions of the command. A job that delivers needs one endpoint, and is created over the API.
var bulkActions = []webhook.BulkAction{webhook.BulkRetry, webhook.BulkReplay, webhook.BulkCancel}

// bulkFlags are the flags of all bulk commands.
type bulkFlags struct {
	from, to, organization, endpoint string
	perSecond                        int
	plan, json, cancelOnInterrupt    bool
}

func manageBulkJobs(ctx context.Context, args, environ []string, stdout, stderr io.Writer) error {
	if len(args) == 0 {
		return invalid("bulk needs one of retry, replay and cancel; try --help")
	}
	flags, err := parseBulkFlags(args[0], args[1:])
	switch {
	case errors.Is(err, flag.ErrHelp) || args[0] == "--help" || args[0] == "-h":
		_, err = fmt.Fprint(stdout, usage)
		return err
	case !slices.Contains(bulkActions, webhook.BulkAction(args[0])):
		return invalid("bulk needs one of retry, replay and cancel; try --help")
	case err != nil:
		return invalid("bulk %s: %w; try --help", args[0], err)
	}
	spec, err := flags.spec(webhook.BulkAction(args[0]))
	if err != nil {
		return invalid("bulk %s: %w", args[0], err)
	}
	return withKeys(ctx, environ, func(s *store.Store) error {
		return bulkCommand{store: s, flags: flags, spec: spec, output: newBulkOutput(flags.json, stdout, stderr)}.run(ctx)
	})
}

// parseBulkFlags refuses a flag with an empty value: a script whose variable is not set would select more than it was meant to.
func parseBulkFlags(action string, args []string) (f bulkFlags, err error) {
	flags := flag.NewFlagSet("bulk "+action, flag.ContinueOnError)
	flags.SetOutput(io.Discard) // the error is reported once
	flags.StringVar(&f.from, "from", "", "select deliveries created at this time or later")
	flags.StringVar(&f.to, "to", "", "select deliveries created before this time")
	flags.StringVar(&f.organization, "organization", "", "the only organization to start a job for")
	flags.StringVar(&f.endpoint, "endpoint", "", "select deliveries of this endpoint")
	flags.IntVar(&f.perSecond, "per-second", webhook.DefaultBulkPerSecond, "deliveries per second of each job; 0 is as fast as fairness allows")
	flags.BoolVar(&f.plan, "plan", false, "count only")
	flags.BoolVar(&f.json, "json", false, "print one JSON object for each job")
	flags.BoolVar(&f.cancelOnInterrupt, "cancel-on-interrupt", false, "cancel the jobs on Ctrl-C")
	if err := flags.Parse(args); err != nil {
		return f, err
	}
	flags.Visit(func(set *flag.Flag) {
		if set.Value.String() == "" {
			err = fmt.Errorf("--%s has no value", set.Name)
		}
	})
	if flags.NArg() > 0 {
		err = fmt.Errorf("there is no argument %q", flags.Arg(0))
	}
	return f, err
}

// spec returns the checked spec of the jobs, without an organization.
func (f bulkFlags) spec(action webhook.BulkAction) (webhook.BulkSpec, error) {
	spec := webhook.BulkSpec{Action: action, Filter: f.filter(), PerSecond: f.perSecond, CreatedBy: webhook.ByOperator}
	switch {
	case len(spec.Filter) == 0:
		return spec, errors.New("at least one of --from, --to and --endpoint is required")
	case f.plan && f.cancelOnInterrupt:
		return spec, errors.New("--plan starts no job: leave out --cancel-on-interrupt")
	}
	if err := f.checkTimes(); err != nil {
		return spec, err
	}
	if f.endpoint != "" {
		if err := webhook.CheckReference(webhook.KindEndpoint, "--endpoint", f.endpoint); err != nil {
			return spec, err
		}
	}
	if err := checkOptionalOrganization(f.organization); err != nil {
		return spec, err
	}
	return spec, spec.Check()
}

// filter returns the filters of the list of deliveries.
func (f bulkFlags) filter() map[string]string {
	filter := map[string]string{}
	for name, value := range map[string]string{"from": f.from, "to": f.to, "endpointId": f.endpoint} {
		if value != "" {
			filter[name] = value
		}
	}
	return filter
}

func (f bulkFlags) checkTimes() error {
	from, err := parseOptionalTime("--from", f.from)
	if err != nil {
		return err
	}
	to, err := parseOptionalTime("--to", f.to)
	if err != nil {
		return err
	}
	if f.from != "" && f.to != "" && !from.Before(to) {
		return errors.New("--from must be before --to")
	}
	return nil
}

func parseOptionalTime(name, text string) (at time.Time, err error) {
	if text != "" {
		at, err = webhook.ParseTime(name, text)
	}
	return at, err
}
