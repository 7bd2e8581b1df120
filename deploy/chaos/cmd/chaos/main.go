// Command chaos injects faults into everything that Redrive depends on while it works, and checks that nothing is lost. The last line of
// its output is for programs. The exit code is 1 if a promise was broken, and 2 if the run could not be made.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"

	"redrive/deploy/chaos"
	"redrive/pkg/testservers"
)

const (
	exitBroken  = 1
	exitInvalid = 2
)

// defaultSeeds are several, because a single one could find nothing by chance.
const defaultSeeds = "1,2,3"

func main() {
	chaos.BecomeDispatcher()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends it immediately
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	options, seeds, err := parse(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		fmt.Fprintln(stderr, "chaos:", err)
		return exitInvalid
	}
	if err := testservers.Install(ctx, stderr); err != nil {
		fmt.Fprintln(stderr, "chaos:", err) // a run reports missing programs itself
	}
	var reports []*chaos.Report
	code := 0
	for _, seed := range seeds {
		options.Seed = seed
		report, err := chaos.Run(ctx, options)
		if err != nil {
			fmt.Fprintln(stderr, "chaos:", err)
			return exitInvalid
		}
		report.Print(stdout)
		reports = append(reports, report)
		if !report.OK() {
			code = exitBroken
		}
	}
	if !options.Short && options.Control == "" {
		code = max(code, checkAlerts(ctx, stdout, stderr))
	}
	fmt.Fprintf(stdout, "\n%s\n", chaos.Line(reports))
	return code
}

// checkAlerts fires two alerts with their real expressions, which takes some minutes.
func checkAlerts(ctx context.Context, stdout, stderr io.Writer) (code int) {
	alerts, err := chaos.CheckAlerts(ctx, false)
	for _, alert := range alerts {
		fmt.Fprintf(stdout, "\n  %s fired after %.0f s", alert.Name, alert.After.Seconds())
	}
	fmt.Fprintln(stdout)
	if err != nil {
		fmt.Fprintln(stderr, "chaos: alerts:", err)
		return exitBroken
	}
	return 0
}

func parse(args []string, stderr io.Writer) (options chaos.Options, seeds []uint64, err error) {
	flags := flag.NewFlagSet("chaos", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.IntVar(&options.Deliveries, "deliveries", 0, "how many are accepted in each run (default 50000; 2000 in a short run, 400 with a control)")
	flags.IntVar(&options.Dispatchers, "dispatchers", 0, "how many dispatchers there are (default 3)")
	flags.BoolVar(&options.Short, "short", false, "one of each fault, and no seconds are judged")
	flags.StringVar(&options.Logs, "logs", "", "a `directory` for the logs of the services")
	control := flags.String("control", "", fmt.Sprintf("take a safeguard out, and see that it is missed: one of %v", chaos.Controls()))
	one := flags.String("seed", "", "a single seed")
	several := flags.String("seeds", "", "seeds, one run each, comma-separated (default "+defaultSeeds+"; 1 in a short run or with a control)")
	if err := flags.Parse(args); err != nil {
		return options, nil, err
	}
	if flags.NArg() > 0 {
		return options, nil, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	options.Control = chaos.Control(*control)
	options.Progress = stderr
	list := *several
	switch {
	case *one != "" && *several != "":
		return options, nil, errors.New("--seed and --seeds are one too many")
	case *one != "":
		list = *one
	case list == "" && (options.Short || *control != ""):
		list = "1"
	case list == "":
		list = defaultSeeds
	}
	for text := range strings.SplitSeq(list, ",") {
		seed, err := strconv.ParseUint(strings.TrimSpace(text), 10, 64)
		if err != nil {
			return options, nil, fmt.Errorf("a seed is a number: %w", err)
		}
		seeds = append(seeds, seed)
	}
	return options, seeds, nil
}
