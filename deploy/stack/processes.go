package stack

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"redrive/deploy/stack/process"
	"redrive/pkg/testservers"
)

const (
	defaultDeliveryTimeout = 30 * time.Second
	defaultRetryDelay      = 100 * time.Millisecond
	// stopMargin is the time that a service may need to stop, beside its longest attempt.
	stopMargin = time.Minute
)

// ProcessStack is the stack of separate processes.
type ProcessStack struct {
	key         string
	settings    map[string]string
	program     string // the API service's
	api         *Service
	dispatchers []*Service
	redis       *testservers.RedisServer
	inspector   *asynq.Inspector
	stop        func() error
}

var (
	_ Stack       = (*ProcessStack)(nil)
	_ Inspectable = (*ProcessStack)(nil)
	_ RedisOwner  = (*ProcessStack)(nil)
	_ Fleet       = (*ProcessStack)(nil)
	_ CommandLine = (*ProcessStack)(nil)
	_ Operated    = (*ProcessStack)(nil)
)

// Processes builds the two programs and starts them over a new PostgreSQL database and a Redis server of their own, until the test ends. If
// the test has failed by then, it shows the end of the services' logs. A data race, a panic or a secret in a log fails the test.
func Processes(tb testing.TB, options Options) *ProcessStack {
	tb.Helper()
	programs, err := binaries.directory()
	if err != nil {
		tb.Fatalf("stack: %v", err)
	}
	database := testservers.Postgres(tb)
	redis, err := testservers.StartRedis(testservers.RedisOptions{})
	if err != nil {
		tb.Fatalf("stack: %v", err)
	}
	s := &ProcessStack{settings: settingsOf(options, database, redis.URL()), redis: redis}
	s.stop = sync.OnceValue(s.end)
	tb.Cleanup(func() { s.conclude(tb) })

	connection, err := asynq.ParseRedisURI(redis.URL())
	if err != nil {
		tb.Fatalf("stack: %v", err)
	}
	s.inspector = asynq.NewInspector(connection)

	timeout := options.deliveryTimeout()
	s.program = filepath.Join(programs, apiProgram)
	s.api = process.New(process.Options{Name: apiProgram, Program: s.program, Settings: s.settings, StopLimit: timeout + stopMargin})
	for i := range max(1, options.Dispatchers) {
		s.dispatchers = append(s.dispatchers, s.dispatcher(options, i+1, filepath.Join(programs, dispatcherProgram)))
	}
	if err := s.start(tb); err != nil {
		tb.Fatalf("stack: %v", err)
	}
	return s
}

func (o Options) deliveryTimeout() time.Duration {
	if o.DeliveryTimeout == 0 {
		return defaultDeliveryTimeout
	}
	return o.DeliveryTimeout
}

func (o Options) retrySchedule() string {
	schedule := o.RetrySchedule
	if len(schedule) == 0 {
		schedule = []time.Duration{defaultRetryDelay}
	}
	delays := make([]string, len(schedule))
	for i, delay := range schedule {
		delays[i] = delay.String()
	}
	return strings.Join(delays, ",")
}

// PublicURL is the URL with which links to the console begin, unless a test sets another. Nothing listens there.
const PublicURL = "https://hooks.example.com"

// settingsOf returns the whole environment of both services. It contains no variable of this process, such as a proxy, except the paths of
// temporary files and time zones.
func settingsOf(o Options, database, redis string) map[string]string {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // it never fails
	settings := map[string]string{
		"PATH":             os.Getenv("PATH"),
		"TMPDIR":           os.TempDir(),
		"GORACE":           "atexit_sleep_ms=0", // without it, every command takes one second longer
		"DATABASE_URL":     database,
		"REDIS_URL":        redis,
		"API_ADDR":         "127.0.0.1:0",
		"OPS_ADDR":         "127.0.0.1:0",
		"DRAIN_DELAY":      "0s", // there is no load balancer
		"SECRETS_KEY":      base64.StdEncoding.EncodeToString(key),
		"DELIVERY_TIMEOUT": o.deliveryTimeout().String(),
		"DATABASE_TIMEOUT": databaseTimeout.String(),
		"RETRY_SCHEDULE":   o.retrySchedule(),
		"PUBLIC_URL":       PublicURL,
		// All tests come from one address, and many use invalid keys.
		"API_UNAUTHENTICATED_RATE_LIMIT": "0",
	}
	if !o.PublicOnly {
		settings["EGRESS_ALLOW_HTTP"] = "true"
		settings["EGRESS_ALLOW"] = "127.0.0.0/8,::1/128"
	}
	if o.OperatorPassword != "" {
		settings["OPERATOR_PASSWORD"] = o.OperatorPassword
	}
	maps.Copy(settings, o.Settings)
	return settings
}

// dispatcher returns the dispatcher with a number. A shell lowers the limit of open files and then executes the dispatcher.
func (s *ProcessStack) dispatcher(options Options, number int, program string) *Service {
	o := process.Options{
		Name: fmt.Sprintf("%s %d", dispatcherProgram, number), Program: program, Settings: s.settings,
		StopLimit: options.deliveryTimeout() + stopMargin, Log: options.DispatcherLog,
	}
	if options.Descriptors > 0 {
		o.Program, o.Args = "/bin/sh", []string{"-c", fmt.Sprintf(`ulimit -n %d; exec "$0"`, options.Descriptors), program}
	}
	return process.New(o)
}

// start migrates, makes the key and starts the services concurrently.
func (s *ProcessStack) start(tb testing.TB) error {
	if said, err := s.Command("migrate"); err != nil {
		return fmt.Errorf("%w\n%s", err, said)
	}
	s.key = s.NewKey(tb, Organization, ReadWrite)
	services := s.services()
	failures := make([]error, len(services))
	var group sync.WaitGroup
	for i, service := range services {
		group.Go(func() { failures[i] = service.Start(nil) })
	}
	group.Wait()
	return errors.Join(failures...)
}

func (s *ProcessStack) services() []*Service { return append([]*Service{s.api}, s.dispatchers...) }

// URL returns the base URL of the API.
func (s *ProcessStack) URL() string { return s.api.URL() }

// OpsURLs returns the base URLs of health and metrics, of the API first and then of each dispatcher.
func (s *ProcessStack) OpsURLs() []string {
	var urls []string
	for _, service := range s.services() {
		urls = append(urls, service.OpsURL())
	}
	return urls
}

// Key returns a raw API key of the organization Organization that may read and write.
func (s *ProcessStack) Key() string { return s.key }

// NewKey makes another raw API key.
func (s *ProcessStack) NewKey(tb testing.TB, organization string, scope Scope) string {
	tb.Helper()
	said, err := s.Command(createKey(organization, scope)...)
	if err != nil {
		tb.Fatalf("stack: %v", err)
	}
	key := strings.TrimSuffix(said, "\n")
	for _, service := range s.services() {
		service.Forbid(key)
	}
	return key
}

// Command runs the API service's program with arguments and returns its output.
func (s *ProcessStack) Command(args ...string) (string, error) { return s.CommandWith(nil, args...) }

// CommandWith is Command with settings that replace those of the stack.
func (s *ProcessStack) CommandWith(settings map[string]string, args ...string) (string, error) {
	all := maps.Clone(s.settings)
	maps.Copy(all, settings)
	var said, complained bytes.Buffer
	cmd := exec.Command(s.program, args...)
	cmd.Env = process.Environ(all)
	cmd.Stdout, cmd.Stderr = &said, &complained
	if err := cmd.Run(); err != nil {
		return said.String(), fmt.Errorf("api-service %s: %w: %s", strings.Join(args, " "), err, complained.String())
	}
	return said.String(), nil
}

// Program returns the path of the API service's program.
func (s *ProcessStack) Program() string { return s.program }

// Environ returns the environment of the services, as NAME=value.
func (s *ProcessStack) Environ() []string { return process.Environ(s.settings) }

// OperatorPassword returns the password of the queue's page.
func (s *ProcessStack) OperatorPassword() string { return s.settings["OPERATOR_PASSWORD"] }

// Secrets returns the secrets in the settings: the encryption key, the operator's password, and the database's password if its server
// requires one.
func (s *ProcessStack) Secrets() []string {
	secrets := []string{s.settings["SECRETS_KEY"]}
	if password := s.settings["OPERATOR_PASSWORD"]; password != "" {
		secrets = append(secrets, password)
	}
	const guessable = 8 // a shorter one may be a word of the log
	if database, err := url.Parse(s.settings["DATABASE_URL"]); err == nil && database.User != nil {
		if password, _ := database.User.Password(); len(password) > guessable {
			secrets = append(secrets, password)
		}
	}
	return secrets
}

// Queues returns an inspector of the queue.
func (s *ProcessStack) Queues() *asynq.Inspector { return s.inspector }

// Redis returns the queue's server, which belongs to this stack only.
func (s *ProcessStack) Redis() *testservers.RedisServer { return s.redis }

// API returns the API service.
func (s *ProcessStack) API() *Service { return s.api }

// Dispatchers returns the dispatcher services.
func (s *ProcessStack) Dispatchers() []*Service { return s.dispatchers }

// Stop stops everything with SIGTERM. It may be called again.
func (s *ProcessStack) Stop() error { return s.stop() }

func (s *ProcessStack) end() error {
	var group sync.WaitGroup
	services := s.services()
	failures := make([]error, len(services))
	for i, service := range services {
		if service != nil && service.Started() {
			group.Go(func() { failures[i] = service.Stop() })
		}
	}
	group.Wait()
	if s.inspector != nil {
		failures = append(failures, s.inspector.Close())
	}
	return errors.Join(append(failures, s.redis.Close())...)
}

func (s *ProcessStack) conclude(tb testing.TB) { conclude(tb, s, s.services()) }

// conclude stops a stack and reports alarms in the logs of its services.
func conclude(tb testing.TB, s Stack, services []*Service) {
	if err := s.Stop(); err != nil {
		tb.Errorf("stack: %v", err)
	}
	for _, service := range services {
		if service == nil {
			continue
		}
		for _, alarm := range service.Alarms() {
			tb.Errorf("stack: %s: %s", service.Name(), alarm)
		}
	}
	for _, service := range services {
		if tb.Failed() && service != nil {
			tb.Logf("stack: the end of the log of %s:\n%s", service.Name(), service.LogEnd())
		}
	}
}
