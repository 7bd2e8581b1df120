// Command licences lists the modules of the programs with their licences. It fails if a licence is unknown or not permitted.
package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"

	"redrive/deploy/licences"
)

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "licences:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	modules, err := licences.List(ctx, ".")
	if err != nil {
		return err
	}
	var problems []string
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	for _, m := range modules {
		if _, err := fmt.Fprintf(table, "%s\t%s\t%s\n", m.Path, m.Version, strings.Join(m.Licences, " and ")); err != nil {
			return err
		}
		if !m.Permitted() {
			problems = append(problems, m.Path)
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if len(problems) > 0 {
		return fmt.Errorf("%w: %s", licences.ErrNotPermitted, strings.Join(problems, ", "))
	}
	return nil
}
