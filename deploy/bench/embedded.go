package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/alicebob/miniredis/v2"

	"redrive/deploy/bench/report"
	"redrive/deploy/stack/process"
	"redrive/pkg/lifecycle"
	"redrive/pkg/store"
	"redrive/pkg/store/sqlite"
	"redrive/pkg/webhook"
)

// embedded is Redrive in one process, as `make run` starts it. The process sends deliveries while it runs, so a pause stops the process.
type embedded struct {
	service *process.Service
	dir     string // the parent of the folders of all starts
	current string
	opened  *store.Store
}

func startEmbedded(programs string, opened *lifecycle.Stack) (*embedded, error) {
	dir, err := os.MkdirTemp("", "redrive-bench-")
	if err != nil {
		return nil, fmt.Errorf("make a folder: %w", err)
	}
	opened.Push("the folder", func(context.Context) error { return os.RemoveAll(dir) })
	e := &embedded{dir: dir, service: process.New(process.Options{
		Name: embeddedProgram, Program: filepath.Join(programs, embeddedProgram), StopLimit: stopLimit, Ready: []string{"API started"},
		Settings: map[string]string{
			"PATH": os.Getenv("PATH"), "TMPDIR": os.TempDir(), "API_ADDR": "127.0.0.1:0", "OPS_ADDR": "127.0.0.1:0",
			"RECEIVER_ADDR": "127.0.0.1:0", "LOG_FORMAT": "json",
		},
	})}
	opened.Push(embeddedProgram, func(context.Context) error {
		var err error
		if e.opened != nil {
			err = e.opened.Close()
		}
		if e.service.Running() {
			err = errors.Join(err, e.service.Kill())
		}
		return err
	})
	return e, e.startFresh()
}

// startFresh starts the process on an empty folder.
func (e *embedded) startFresh() error {
	var err error
	if e.current, err = os.MkdirTemp(e.dir, "data-"); err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	if err := e.start(); err != nil {
		return err
	}
	e.opened, err = sqlite.Open(filepath.Join(e.current, "redrive.db"), nil) // No sealed values are read or written.
	return err
}

func (e *embedded) start() error {
	return e.service.Start(map[string]string{"REDRIVE_LOCAL_DIR": e.current})
}

func (e *embedded) url() string { return e.service.URL() }

func (e *embedded) store() *store.Store { return e.opened }

func (e *embedded) processes() []watched {
	return []watched{{name: processEmbedded, pid: e.service.PID()}, {name: processBench, pid: os.Getpid()}}
}

func (e *embedded) pause(context.Context) error { return e.service.Stop() }

func (e *embedded) resume(context.Context) error { return e.start() }

// fill writes into the database, because the API runs only together with the dispatcher.
func (e *embedded) fill(ctx context.Context, c *customer, count int) error {
	endpoints, err := e.opened.ListActiveEndpoints(ctx, c.organization)
	if err != nil {
		return err
	}
	if len(endpoints) != 1 {
		return fmt.Errorf("there are %d endpoints to fill the queue for instead of one", len(endpoints))
	}
	data := fmt.Appendf(nil, `{"log":%q}`, eventBody(eventType))
	for range count {
		now := webhook.Now()
		event := webhook.NewEvent(c.organization, webhook.EventSpec{Type: eventType, Data: data}, now)
		if err := e.opened.CreateEvent(ctx, event, []webhook.Delivery{webhook.NewDelivery(event, endpoints[0], now)}); err != nil {
			return err
		}
	}
	return nil
}

func (e *embedded) clear(context.Context) error {
	if e.service.Running() {
		if err := e.service.Kill(); err != nil {
			return err
		}
	}
	if err := e.opened.Close(); err != nil {
		return err
	}
	e.opened = nil
	return e.startFresh()
}

func (e *embedded) logs() string { return "the end of its log:\n" + e.service.LogEnd() }

// roundAsynqEmbedded measures asynq on the in-process Redis that the embedded Redrive uses.
func roundAsynqEmbedded(ctx context.Context, s *session) error {
	for row, post := range map[string]bool{rowNoop: false, rowPost: true} {
		if !s.wants(row) {
			continue
		}
		s.progress.say("%s: %d tasks, on miniredis", row, s.amounts.drain)
		server, err := startMiniredis()
		if err != nil {
			return err
		}
		done, err := s.work(ctx, job{Redis: "redis://" + server.Addr() + "/0", Servers: dispatcherServers, Post: post}, newTaskIDs(s.amounts.drain))
		server.Close()
		if err != nil {
			return fmt.Errorf("%s: %w", row, err)
		}
		done.note(&s.samples, row)
	}
	return nil
}

func startMiniredis() (*miniredis.Miniredis, error) {
	server, err := miniredis.Run()
	if err != nil {
		return nil, fmt.Errorf("start miniredis: %w", err)
	}
	return server, nil
}

// withoutGoals returns the definitions for the embedded process. The goals apply to the services only.
func withoutGoals(definitions []report.Definition) []report.Definition {
	for i := range definitions {
		d := &definitions[i]
		d.Goals = nil
		for j := range d.Ratios {
			d.Ratios[j].Goals = nil
		}
		withoutGoals(d.Details)
	}
	return definitions
}
