package compose_test

import (
	"context"
	"maps"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/graph"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// stack is the composed stack on loopback, as far as it consists of our programs.
type stack struct {
	project   *types.Project
	programs  map[string]string
	hosts     map[string]string // names of the stack's network, as host:port, with their addresses on this machine
	processes map[string]*process
	addresses map[string]addresses
	reached   map[string]string // the condition that a service has reached
}

// start starts every service after its dependencies have reached the conditions in the file.
func start(t *testing.T, composed *types.Project) *stack {
	t.Helper()
	s := &stack{
		project: composed, programs: programs(t, demo(t)), hosts: make(map[string]string),
		processes: make(map[string]*process), addresses: make(map[string]addresses), reached: make(map[string]string),
	}
	for _, name := range order(t, composed) {
		service := composed.Services[name]
		for dependency, how := range service.DependsOn {
			require.Equal(t, how.Condition, s.reached[dependency], "%s waits for %s", name, dependency)
		}
		s.reached[name] = s.startService(t, name, service)
	}
	return s
}

func order(t *testing.T, composed *types.Project) (names []string) {
	t.Helper()
	err := graph.InDependencyOrder(t.Context(), composed, func(_ context.Context, name string, _ types.ServiceConfig) error {
		names = append(names, name)
		return nil
	}, graph.WithMaxConcurrency(1))
	require.NoError(t, err)
	require.Len(t, names, len(composed.Services))
	return names
}

func (s *stack) startService(t *testing.T, name string, service types.ServiceConfig) (reached string) {
	t.Helper()
	switch {
	case name == "postgres":
		s.hosts["postgres:5432"] = startPostgres(t, service)
	case name == "redis":
		s.hosts["redis:6379"] = startRedis(t, service)
	case ours[name] == "":
		return types.ServiceConditionStarted // an image of others
	default:
		return s.startProgram(t, name, service)
	}
	return types.ServiceConditionHealthy
}

func (s *stack) startProgram(t *testing.T, name string, service types.ServiceConfig) (reached string) {
	t.Helper()
	values := s.values(t, service)
	p := startProcess(t, s.programs[ours[name]], values, service.Command...)
	if service.HealthCheck == nil {
		require.Zero(t, p.wait(t, startLimit), p.written())
		return types.ServiceConditionCompletedSuccessfully
	}
	at := p.bound(t)
	s.processes[name], s.addresses[name] = p, at

	// The check has the environment of the program, with the ports that the program has bound.
	checked := maps.Clone(values)
	for variable, addr := range map[string]string{"API_ADDR": at.Addr, "OPS_ADDR": at.Ops, "RECEIVER_ADDR": at.Addr} {
		if _, set := checked[variable]; set {
			checked[variable] = addr
		}
	}
	p.values = checked
	s.awaitHealth(t, name)
	return types.ServiceConditionHealthy
}

func (s *stack) awaitHealth(t *testing.T, name string) {
	t.Helper()
	var said string
	var code int
	for deadline := time.Now().Add(startLimit); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		if said, code = s.check(name); code == 0 {
			return
		}
	}
	require.FailNow(t, name+" is not healthy", said)
}

// check runs the service's health check.
func (s *stack) check(name string) (said string, code int) {
	test := s.project.Services[name].HealthCheck.Test
	_, said, code = run(s.programs[test[1]], s.processes[name].values, test[2:]...)
	return said, code
}

// values returns a service's environment. The hosts of the stack's network are replaced by addresses of loopback, and nothing else changes.
func (s *stack) values(t *testing.T, service types.ServiceConfig) map[string]string {
	t.Helper()
	values := resolved(service)
	for name, value := range values {
		switch {
		case strings.HasSuffix(name, "_ADDR"):
			values[name] = "127.0.0.1:0"
		case strings.HasSuffix(name, "_URL"):
			location, err := url.Parse(value)
			require.NoError(t, err)
			require.Contains(t, s.hosts, location.Host, "%s names a service that has been started", name)
			location.Host = s.hosts[location.Host]
			values[name] = location.String()
		case name == "EGRESS_ALLOW":
			values[name] = strings.ReplaceAll(value, s.project.Services["receiver"].Networks["edge"].Ipv4Address, "127.0.0.1")
		}
	}
	return values
}

// stop stops the services as an engine does.
func (s *stack) stop(t *testing.T) {
	t.Helper()
	names := order(t, s.project)
	for i := len(names) - 1; i >= 0; i-- {
		name := names[i]
		if s.processes[name] == nil {
			continue
		}
		s.processes[name].stop(t, startLimit)
		_, code := s.check(name)
		assert.NotZero(t, code, "%s is gone, and its health check does not notice", name)
	}
}

// key creates an API key by the instructions in the file's first lines.
func (s *stack) key(t *testing.T) string {
	t.Helper()
	created, said, code := run(s.programs["/api-service"], s.processes["api-service"].values,
		"keys", "create", "--organization", "acme", "--name", "first", "--scope", "read-write")
	require.Zero(t, code, said)
	return strings.TrimSpace(created)
}

func (s *stack) url(name string) string { return "http://" + s.addresses[name].Addr }
