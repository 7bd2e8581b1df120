package stack

import (
	"maps"
	"os"
	"path/filepath"
	"testing"

	"redrive/deploy/stack/process"
	"redrive/pkg/store/sqlite"
	"redrive/pkg/webhook"
)

// EmbeddedStack is Redrive in one process: what `make run` starts.
type EmbeddedStack struct {
	dir     string
	key     string
	process *Service
}

var (
	_ Stack  = (*EmbeddedStack)(nil)
	_ Single = (*EmbeddedStack)(nil)
)

// Embedded builds the program and starts it in a folder of its own, until the test ends. Its settings are those that the embedded Redrive
// has. It cannot serve tests of public destinations or of the operator's password.
func Embedded(tb testing.TB, options Options) *EmbeddedStack {
	tb.Helper()
	if options.PublicOnly {
		tb.Skip("an embedded Redrive always sends to loopback")
	}
	programs, err := binaries.directory()
	if err != nil {
		tb.Fatalf("stack: %v", err)
	}
	dir := tb.TempDir()
	settings := map[string]string{
		"PATH":              os.Getenv("PATH"),
		"TMPDIR":            os.TempDir(),
		"GORACE":            "atexit_sleep_ms=0",
		"REDRIVE_LOCAL_DIR": dir,
		"API_ADDR":          "127.0.0.1:0",
		"OPS_ADDR":          "127.0.0.1:0",
		"RECEIVER_ADDR":     "127.0.0.1:0",
		"DELIVERY_TIMEOUT":  options.deliveryTimeout().String(),
		"DATABASE_TIMEOUT":  databaseTimeout.String(),
		"RETRY_SCHEDULE":    options.retrySchedule(),
		"LOG_FORMAT":        "json",
		"LOG_LEVEL":         "info", // the start of its parts is read from the log
	}
	maps.Copy(settings, options.Settings)
	s := &EmbeddedStack{dir: dir, process: process.New(process.Options{
		Name: embeddedProgram, Program: filepath.Join(programs, embeddedProgram), Settings: settings,
		StopLimit: options.deliveryTimeout() + stopMargin,
		Ready:     []string{"API started"}, // the last of its parts
	})}
	tb.Cleanup(func() { conclude(tb, s, []*Service{s.process}) })
	if err := s.process.Start(nil); err != nil {
		tb.Fatalf("stack: %v", err)
	}
	s.key = s.NewKey(tb, Organization, ReadWrite)
	return s
}

// URL returns the base URL of the API.
func (s *EmbeddedStack) URL() string { return s.process.URL() }

// OpsURLs returns the one base URL of health and metrics.
func (s *EmbeddedStack) OpsURLs() []string { return []string{s.process.OpsURL()} }

// Key returns a raw API key of the organization Organization that may read and write.
func (s *EmbeddedStack) Key() string { return s.key }

// NewKey makes another raw API key in the database, because the program has no command for it. A second process can open the database.
func (s *EmbeddedStack) NewKey(tb testing.TB, organization string, scope Scope) string {
	tb.Helper()
	opened, err := sqlite.Open(filepath.Join(s.dir, "redrive.db"), nil) // no sealed values are read or written
	if err != nil {
		tb.Fatalf("stack: %v", err)
	}
	defer func() {
		if err := opened.Close(); err != nil {
			tb.Errorf("stack: %v", err)
		}
	}()
	if scope == Platform {
		organization = ""
	}
	key, raw := webhook.NewAPIKey(webhook.APIKeySpec{OrganizationID: organization, Name: "test", Scope: webhook.Scope(scope)}, webhook.Now())
	if err := opened.CreateAPIKey(tb.Context(), key); err != nil {
		tb.Fatalf("stack: %v", err)
	}
	s.process.Forbid(raw.Reveal())
	return raw.Reveal()
}

// Process returns the only process.
func (s *EmbeddedStack) Process() *Service { return s.process }

// Stop stops the process with SIGTERM. It may be called again.
func (s *EmbeddedStack) Stop() error {
	if !s.process.Started() {
		return nil
	}
	return s.process.Stop()
}
