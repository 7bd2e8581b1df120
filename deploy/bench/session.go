package bench

import (
	"context"
	"fmt"
	"os"
	"slices"
	"sync"

	"redrive/deploy/bench/report"
	"redrive/deploy/stack/process"
	"redrive/pkg/lifecycle"
)

// session is one run: its rows, amounts, servers and results.
type session struct {
	options  Options
	amounts  amounts
	progress *progress
	servers  servers
	samples  report.Samples
	opened   lifecycle.Stack
	running  system
	linked   int                    // databases that were made for counted links
	programs func() (string, error) // builds the programs once, and returns their folder
}

func newSession(options Options, progress *progress) *session {
	s := &session{options: options, amounts: newAmounts(options.Scale), progress: progress}
	s.servers = newServers(&s.opened)
	s.programs = sync.OnceValues(s.build)
	return s
}

// wants reports whether a row is selected.
func (s *session) wants(row string) bool {
	return len(s.options.Only) == 0 || slices.Contains(s.options.Only, row)
}

// system starts Redrive on first use.
func (s *session) system(ctx context.Context) (system, error) {
	if s.running != nil {
		return s.running, nil
	}
	programs, err := s.programs()
	if err != nil {
		return nil, err
	}
	s.progress.say("starting the services")
	if s.options.Embedded {
		s.running, err = startEmbedded(programs, &s.opened)
	} else {
		s.running, err = startServices(ctx, s.servers, programs, &s.opened)
	}
	return s.running, err
}

// build builds the measured programs.
func (s *session) build() (string, error) {
	s.progress.say("building the programs")
	sources := []process.Source{
		{Output: apiProgram, Module: "api-service", Package: "./cmd/api-service"},
		{Output: dispatcherProgram, Module: "dispatcher-service", Package: "./cmd/dispatcher-service"},
	}
	if s.options.Embedded {
		sources = []process.Source{{Output: embeddedProgram, Module: "deploy", Package: "./local/cmd/redrive"}}
	}
	programs, err := process.Build(sources...)
	if err != nil {
		return "", fmt.Errorf("build the programs: %w", err)
	}
	s.opened.Push("the programs", func(context.Context) error { return os.RemoveAll(programs) })
	return programs, nil
}

// customer makes a customer of the running system.
func (s *session) customer(ctx context.Context) (*customer, error) {
	running, err := s.system(ctx)
	if err != nil {
		return nil, err
	}
	return newCustomer(ctx, running.url(), running.store(), publishConnections)
}

// customerTo makes a customer of the running system with endpoints at the URL. The caller closes the customer.
func (s *session) customerTo(ctx context.Context, url string, endpoints int) (*customer, error) {
	c, err := s.customer(ctx)
	if err != nil {
		return nil, err
	}
	for range endpoints {
		if _, err := c.createEndpoint(ctx, url, eventType, 0); err != nil {
			c.close()
			return nil, err
		}
	}
	return c, nil
}

// cleared returns the running system without deliveries.
func (s *session) cleared(ctx context.Context) (system, error) {
	running, err := s.system(ctx)
	if err != nil {
		return nil, err
	}
	return running, running.clear(ctx)
}

// subscribed returns the cleared system, and a new customer whose one endpoint is the receiver. The caller closes the customer.
func (s *session) subscribed(ctx context.Context) (system, *customer, *receiver, error) {
	r, err := s.servers.receiver()
	if err != nil {
		return nil, nil, nil, err
	}
	running, err := s.cleared(ctx)
	if err != nil {
		return nil, nil, nil, err
	}
	c, err := s.customerTo(ctx, r.url(pathOK), 1)
	return running, c, r, err
}
