package chaos

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"

	"redrive/deploy/chaos/internal/receiver"
	"redrive/deploy/chaos/internal/variant"
	"redrive/deploy/stack/process"
)

// startServices starts the API and the dispatchers concurrently.
func (w *world) startServices() error {
	api := process.Options{Name: apiProgram, Program: filepath.Join(w.programs, apiProgram)}
	var err error
	if w.api, err = w.service(api); err != nil {
		return err
	}
	for number := range w.options.Dispatchers {
		dispatcher, err := w.dispatcher(number)
		if err != nil {
			return err
		}
		w.dispatchers = append(w.dispatchers, dispatcher)
	}
	return w.each(func(s *process.Service) error { return s.Start(nil) })
}

// dispatcher is the real program, or this program as a dispatcher without a safeguard.
func (w *world) dispatcher(number int) (*process.Service, error) {
	options := process.Options{Name: fmt.Sprintf("dispatcher %d", number), Program: filepath.Join(w.programs, dispatcherProgram(number))}
	if w.options.Control != "" {
		var err error
		if options.Program, err = os.Executable(); err != nil {
			return nil, fmt.Errorf("find this program: %w", err)
		}
		options.Args = variant.Args(w.options.Control, receiver.Version(number))
	}
	return w.service(options)
}

// service makes a service that is killed with the world.
func (w *world) service(options process.Options) (*process.Service, error) {
	options.Settings, options.StopLimit = w.settings, stopLimit
	if w.options.Logs != "" {
		if err := os.MkdirAll(w.options.Logs, 0o750); err != nil {
			return nil, fmt.Errorf("keep a log: %w", err)
		}
		name := filepath.Join(w.options.Logs, strings.ReplaceAll(options.Name, " ", "-")+".log")
		log, err := os.Create(filepath.Clean(name))
		if err != nil {
			return nil, fmt.Errorf("keep a log: %w", err)
		}
		w.parts.Push("a log", func(context.Context) error { return log.Close() })
		options.Log = log
	}
	s := process.New(options)
	w.parts.Push(options.Name, func(context.Context) error {
		if !s.Running() {
			return nil
		}
		return s.Kill()
	})
	return s, nil
}

// each calls a function for all services concurrently.
func (w *world) each(do func(*process.Service) error) error {
	services := w.services()
	failures := make([]error, len(services))
	var group sync.WaitGroup
	for i, s := range services {
		group.Go(func() { failures[i] = do(s) })
	}
	group.Wait()
	return errors.Join(failures...)
}

func (w *world) services() []*process.Service {
	return append([]*process.Service{w.api}, w.dispatchers...)
}

// command runs the API service's program with arguments and returns what it printed.
func (w *world) command(ctx context.Context, args ...string) (string, error) {
	var said, complained bytes.Buffer
	cmd := exec.CommandContext(ctx, filepath.Join(w.programs, apiProgram), args...) //nolint:gosec // a program of ours, just built
	cmd.Env = process.Environ(w.settings)
	cmd.Stdout, cmd.Stderr = &said, &complained
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", apiProgram, strings.Join(args, " "), err, complained.String())
	}
	return strings.TrimSpace(said.String()), nil
}
