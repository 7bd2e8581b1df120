package nodes

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// Options of a run.
type Options struct {
	// Short has the failover of both stores and one partition alone, and longer limits.
	Short bool
	// Only are the drills to do. Empty, all of them.
	Only []string
	// Parallel is how many drills are done at the same time. Defaults to 3.
	Parallel int
	// Logs is a directory for the logs of the nodes. Defaults to none.
	Logs string
	// Progress gets a line for each step.
	Progress io.Writer
}

// cleanLimit bounds how long everything may take to be removed.
const cleanLimit = 2 * time.Minute

// List are the names of all drills with what they do.
func List() (lines []string) {
	for _, d := range drills() {
		lines = append(lines, fmt.Sprintf("%-32s %s", d.name, d.about))
	}
	return lines
}

// chosen are the drills of a run.
func (o Options) chosen() ([]drill, error) {
	all := drills()
	for _, name := range o.Only {
		if !slices.ContainsFunc(all, func(d drill) bool { return d.name == name }) {
			return nil, fmt.Errorf("there is no drill %q; there are:\n%s", name, strings.Join(List(), "\n"))
		}
	}
	return slices.DeleteFunc(all, func(d drill) bool {
		switch {
		case len(o.Only) > 0:
			return !slices.Contains(o.Only, d.name)
		case o.Short:
			return !d.short
		}
		return d.contained
	}), nil
}

// Run does the drills and removes everything that it made. The results are those of the drills that came to their end, in their order.
func Run(ctx context.Context, o Options) (results []*Result, err error) {
	chosen, err := o.chosen()
	if err != nil {
		return nil, err
	}
	clocks := slices.ContainsFunc(chosen, func(d drill) bool { return len(d.clocks) > 0 })
	lab, err := openLab(ctx, o, clocks)
	defer func() {
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanLimit)
		defer cancel()
		err = errors.Join(err, lab.close(limited))
	}()
	if err != nil {
		return nil, err
	}
	parallel := o.Parallel
	if parallel == 0 {
		parallel = 3
	}
	turns := make(chan struct{}, parallel)
	results = make([]*Result, len(chosen))
	failures := make([]error, len(chosen))
	var group sync.WaitGroup
	progress := &lines{to: o.Progress}
	for i, d := range chosen {
		turns <- struct{}{}
		group.Go(func() {
			defer func() { <-turns }()
			results[i], failures[i] = lab.do(ctx, d, o.Logs, progress)
		})
	}
	group.Wait()
	results = slices.DeleteFunc(results, func(r *Result) bool { return r == nil })
	return results, errors.Join(failures...)
}

// do does one drill in a world of its own. An error means that there was no result.
func (l *lab) do(ctx context.Context, d drill, logs string, progress io.Writer) (result *Result, err error) {
	if ctx.Err() != nil {
		return nil, nil //nolint:nilnil // the run was interrupted before the drill began, which is no failure of it
	}
	began := time.Now()
	w, err := l.newWorld(ctx, d.name, d.shape, progress)
	defer func() {
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanLimit)
		defer cancel()
		err = errors.Join(err, w.keepLogs(limited, logs), w.close(limited))
	}()
	if err != nil {
		return nil, err
	}
	w.say("the nodes work after %s s", seconds(time.Since(began)))
	if err := d.run(ctx, w); err != nil {
		return nil, fmt.Errorf("%s: %w", d.name, err)
	}
	if result, err = w.conclude(ctx, d); err != nil {
		return nil, fmt.Errorf("judge %s: %w", d.name, err)
	}
	result.Took = time.Since(began)
	w.say("done after %s s: %d problems", seconds(result.Took), len(result.Problems))
	return result, nil
}

// keepLogs writes the log of every node to a folder of the drill.
func (w *world) keepLogs(ctx context.Context, dir string) error {
	if dir == "" {
		return nil
	}
	dir = filepath.Join(dir, w.id)
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return fmt.Errorf("make a folder for logs: %w", err)
	}
	for _, n := range w.nodes() {
		log, err := n.logs(ctx, "all")
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, n.role+".log"), []byte(log), 0o600)
		}
		if err != nil {
			return fmt.Errorf("keep the log of %s: %w", n.role, err)
		}
	}
	return nil
}

// lines prevents that the lines of several drills mix.
type lines struct {
	mutex sync.Mutex
	to    io.Writer
}

// Write writes one line.
func (l *lines) Write(line []byte) (int, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.to.Write(line)
}
