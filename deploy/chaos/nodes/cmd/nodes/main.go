// Command nodes runs Redrive on several nodes of a Docker engine and breaks them under load. It ends with 0 where no engine answers, and
// says so. It ends with 1 if a promise was broken, and with 2 if there was no result.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"redrive/deploy/chaos/nodes"
	"redrive/deploy/containers"
)

const (
	exitBroken  = 1
	exitInvalid = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	options, err := parse(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		fmt.Fprintln(stderr, "nodes:", err)
		return exitInvalid
	}
	version, answers := containers.Answers(ctx)
	if !answers {
		fmt.Fprintln(stdout, "no Docker engine answers: no drill was done")
		return 0
	}
	fmt.Fprintf(stdout, "Docker engine %s\n", version)
	began := time.Now()
	results, err := nodes.Run(ctx, options)
	nodes.Print(stdout, results)
	fmt.Fprintf(stdout, "nodes: %s\n", time.Since(began).Round(time.Second))
	if err != nil {
		fmt.Fprintln(stderr, "nodes:", err)
		return exitInvalid
	}
	for _, result := range results {
		if !result.OK() {
			return exitBroken
		}
	}
	return 0
}

func parse(args []string, stderr io.Writer) (options nodes.Options, err error) {
	flags := flag.NewFlagSet("nodes", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.BoolVar(&options.Short, "short", false, "the failover of both stores and one partition alone")
	flags.IntVar(&options.Parallel, "parallel", 0, "how many drills are done at the same time (default 3)")
	flags.StringVar(&options.Logs, "logs", "", "a `directory` for the logs of the nodes")
	only := flags.String("only", "", "`drills` to do, comma-separated:\n"+strings.Join(nodes.List(), "\n"))
	if err := flags.Parse(args); err != nil {
		return options, err
	}
	if flags.NArg() > 0 {
		return options, fmt.Errorf("unknown argument %q", flags.Arg(0))
	}
	if *only != "" {
		options.Only = strings.Split(*only, ",")
	}
	options.Progress = stderr
	return options, nil
}
