// Command figures writes the table of a page from the JSON of the benchmark.
package main

import (
	"fmt"
	"os"

	"redrive/deploy/docs/figures"
)

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "figures needs two arguments or more: the JSON that the benchmark wrote, and the page to write its table into")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3:]); err != nil {
		fmt.Fprintln(os.Stderr, "figures:", err)
		os.Exit(1)
	}
}

func run(results, page string, others []string) error {
	measured, err := os.ReadFile(results) //nolint:gosec // G304: the caller's own file
	if err != nil {
		return fmt.Errorf("read the benchmark's results: %w", err)
	}
	var further [][]byte
	for _, other := range others {
		more, err := os.ReadFile(other) //nolint:gosec // G304: likewise
		if err != nil {
			return fmt.Errorf("read further results: %w", err)
		}
		further = append(further, more)
	}
	text, err := os.ReadFile(page) //nolint:gosec // G304: likewise
	if err != nil {
		return fmt.Errorf("read the page: %w", err)
	}
	filled, err := figures.Fill(string(text), measured, further...)
	if err != nil {
		return err
	}
	if err := os.WriteFile(page, []byte(filled), 0o644); err != nil { //nolint:gosec // G306: a page is for everybody to read
		return fmt.Errorf("write the page: %w", err)
	}
	return nil
}
