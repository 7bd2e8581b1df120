package stack

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"redrive/deploy/containers"
	"redrive/deploy/stack/process"
)

// containersLimit bounds the start and the stop of all containers. The images may have to be built first.
const containersLimit = 20 * time.Minute

// ContainerStack is the stack of docker-compose.yml, in a session of package containers.
type ContainerStack struct {
	*containers.Project
	password  string
	key       string
	inspector *asynq.Inspector
	stop      func() error

	mu      sync.Mutex
	secrets []string // the raw keys, which no log may contain
}

var (
	_ Stack       = (*ContainerStack)(nil)
	_ Inspectable = (*ContainerStack)(nil)
	_ CommandLine = (*ContainerStack)(nil)
	_ Operated    = (*ContainerStack)(nil)
)

// Containers starts a project of the session until the test ends. docker-compose.yml determines the timeout of attempts.
func Containers(tb testing.TB, session *containers.Session, name string, options Options) *ContainerStack {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(tb.Context()), containersLimit)
	defer cancel()
	project, err := session.NewProject(ctx, name, containers.ProjectOptions{Settings: containerSettings(options, session.Receivers)})
	if err != nil {
		tb.Fatalf("stack: %v", err)
	}
	s := &ContainerStack{Project: project, password: options.OperatorPassword}
	s.stop = sync.OnceValue(s.end)
	tb.Cleanup(func() { s.conclude(tb) })
	if err := project.Up(ctx, "--scale", fmt.Sprintf("%s=%d", containers.Dispatcher, max(1, options.Dispatchers))); err != nil {
		tb.Fatalf("stack: %v", err)
	}
	address, err := project.Address(ctx, containers.Redis, "data")
	if err != nil {
		tb.Fatalf("stack: %v", err)
	}
	s.inspector = asynq.NewInspector(asynq.RedisClientOpt{Addr: address + ":6379", Password: project.Value("REDIS_PASSWORD")})
	s.key = s.NewKey(tb, Organization, ReadWrite)
	return s
}

// containerSettings are the settings that differ from docker-compose.yml.
func containerSettings(o Options, receivers string) map[string]string {
	settings := map[string]string{
		"RETRY_SCHEDULE": o.retrySchedule(), "DRAIN_DELAY": "0s", "PUBLIC_URL": PublicURL, "API_UNAUTHENTICATED_RATE_LIMIT": "0",
		"OPERATOR_PASSWORD": o.OperatorPassword,
	}
	if o.DeliveryTimeout > 0 {
		settings["DELIVERY_TIMEOUT"] = o.DeliveryTimeout.String()
	}
	if !o.PublicOnly {
		settings["EGRESS_ALLOW_HTTP"] = "true"
		settings["EGRESS_ALLOW"] = "127.0.0.0/8,::1/128," + receivers + "/32"
	}
	maps.Copy(settings, o.Settings)
	return settings
}

// OpsURLs returns the base URLs of health and metrics, with the present addresses of the containers.
func (s *ContainerStack) OpsURLs() []string {
	found, err := s.Project.Containers(context.Background(), containers.API, containers.Dispatcher)
	if err != nil {
		return nil
	}
	ports := map[string]string{containers.API: ":9090", containers.Dispatcher: ":9091"}
	var urls []string
	for _, service := range []string{containers.API, containers.Dispatcher} {
		for _, c := range found {
			if address, err := s.AddressOf(c, "edge"); err == nil && c.Service() == service {
				urls = append(urls, "http://"+address+ports[service])
			}
		}
	}
	return urls
}

// Key returns a raw API key of the organization Organization that may read and write.
func (s *ContainerStack) Key() string { return s.key }

// NewKey makes another raw API key.
func (s *ContainerStack) NewKey(tb testing.TB, organization string, scope Scope) string {
	tb.Helper()
	key, err := s.Command(createKey(organization, scope)...)
	if err != nil {
		tb.Fatalf("stack: %v", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.secrets = append(s.secrets, key)
	return key
}

// Command runs the API service's program in its container and returns its output.
func (s *ContainerStack) Command(args ...string) (string, error) { return s.CommandWith(nil, args...) }

// CommandWith is Command with settings that replace those of the container.
func (s *ContainerStack) CommandWith(settings map[string]string, args ...string) (string, error) {
	return s.Exec(context.Background(), containers.API, settings, append([]string{"/api-service"}, args...)...)
}

// OperatorPassword returns the password of the queue's page.
func (s *ContainerStack) OperatorPassword() string { return s.password }

// Queues returns an inspector of the queue.
func (s *ContainerStack) Queues() *asynq.Inspector { return s.inspector }

// Stop stops all containers with SIGTERM. It may be called again.
func (s *ContainerStack) Stop() error { return s.stop() }

func (s *ContainerStack) end() error {
	ctx, cancel := context.WithTimeout(context.Background(), containersLimit)
	defer cancel()
	_, err := s.Compose(ctx, "stop")
	failures := []error{err}
	if s.inspector != nil {
		failures = append(failures, s.inspector.Close())
	}
	found, err := s.Project.Containers(ctx)
	for _, c := range found {
		if c.State.ExitCode != 0 || c.State.OOMKilled {
			failures = append(failures, fmt.Errorf("%s ended with exit code %d", c.Service(), c.State.ExitCode))
		}
	}
	return errors.Join(append(failures, err)...)
}

// conclude stops the stack, checks its logs, and removes it.
func (s *ContainerStack) conclude(tb testing.TB) {
	ctx, cancel := context.WithTimeout(context.Background(), containersLimit)
	defer cancel()
	if err := s.Stop(); err != nil {
		tb.Errorf("stack: %v", err)
	}
	log, err := s.Logs(ctx, containers.API, containers.Dispatcher)
	if err != nil {
		tb.Errorf("stack: %v", err)
	}
	for _, alarm := range process.Alarms(log, s.secrets...) {
		tb.Errorf("stack: %s", alarm)
	}
	if tb.Failed() {
		tb.Logf("stack: the end of the logs:\n%s", end(log))
	}
	if err := s.Down(ctx, "--volumes"); err != nil {
		tb.Errorf("stack: %v", err)
	}
}

// shown is the number of bytes of the logs that a failed test shows.
const shown = 20_000

func end(log string) string { return strings.ToValidUTF8(log[max(0, len(log)-shown):], "") }
