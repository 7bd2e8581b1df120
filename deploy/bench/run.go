package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"redrive/deploy/bench/report"
	"redrive/pkg/testservers"
)

// ErrMissed is returned with Options.Gate if a gated goal or ratio was missed.
var ErrMissed = errors.New("missed")

// closeLimit bounds the time to stop all started processes.
const closeLimit = time.Minute

// Run measures, prints one table to out, and writes the files that the options name. Progress is printed to the other writer. If a family
// fails, the others are still measured.
func Run(ctx context.Context, options Options, out, told io.Writer) (err error) {
	s := newSession(options, nil)
	wanted := s.wanted()
	if len(wanted) == 0 {
		return errors.New("none of these rows can be measured of the embedded process")
	}
	if err := testservers.Install(ctx, told); err != nil {
		return err
	}
	s.progress = newProgress(told, len(wanted)*options.Rounds)
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeLimit)
		defer cancel()
		err = errors.Join(err, s.opened.Unwind(ctx))
	}()
	failures := s.measure(ctx, wanted)
	s.progress.end()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	definitions := catalog()
	if options.Embedded {
		definitions = withoutGoals(definitions)
	}
	lines := report.Lines(definitions, &s.samples)
	if err := s.publish(ctx, lines, out); err != nil {
		return errors.Join(failures, err)
	}
	if missed := report.Missed(lines); options.Gate && len(missed) > 0 {
		failures = errors.Join(failures, fmt.Errorf("%w: %s", ErrMissed, strings.Join(missed, "; ")))
	}
	return failures
}

// measure runs all rounds of a family before the next family.
func (s *session) measure(ctx context.Context, wanted []family) error {
	var failures []error
	for _, f := range wanted {
		for round := range s.options.Rounds {
			s.progress.step(fmt.Sprintf("%s, round %d of %d", f.name, round+1, s.options.Rounds))
			if err := f.round(ctx, s); err != nil {
				if ctx.Err() != nil {
					return ctx.Err()
				}
				failures = append(failures, fmt.Errorf("%s: %w", f.name, err))
				s.missed(f, err)
				if s.running != nil {
					s.progress.say("%s failed: %v\n%s", f.name, err, s.running.logs())
				}
				break
			}
		}
	}
	return errors.Join(failures...)
}

// missed records why the remaining rows of a family have no value.
func (s *session) missed(f family, err error) {
	reason, _, _ := strings.Cut(err.Error(), "\n")
	for _, row := range f.rows {
		if s.wants(row) {
			s.samples.Miss(row, reason)
		}
	}
}

// publish prints the table and writes the files.
func (s *session) publish(ctx context.Context, lines []report.Line, out io.Writer) error {
	facts := s.machine(ctx)
	rounds := fmt.Sprintf("medians of %d", s.options.Rounds)
	if s.options.Scale != fullScale {
		rounds += fmt.Sprintf(", at %g of the full counts", s.options.Scale)
	}
	if _, err := fmt.Fprintf(out, "%s\n%s\n\n", strings.Join(facts, "\n"), rounds); err != nil {
		return fmt.Errorf("print the table: %w", err)
	}
	if err := report.Table(out, lines); err != nil {
		return err
	}
	err := writeFile(s.options.JSON, func(w io.Writer) error { return report.JSON(w, lines) })
	return errors.Join(err, writeFile(s.options.SVG, func(w io.Writer) error {
		return report.SVG(w, "Redrive and what bounds it", strings.Join(facts, " · "), lines)
	}))
}

// writeFile writes a file, if it has a name.
func writeFile(name string, write func(io.Writer) error) (err error) {
	if name == "" {
		return nil
	}
	file, err := os.Create(filepath.Clean(name))
	if err != nil {
		return fmt.Errorf("write the results: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	return write(file)
}
