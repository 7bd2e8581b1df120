package stack

import (
	"io"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"redrive/deploy/stack/process"
	"redrive/pkg/testservers"
)

// Stack is a running Redrive.
type Stack interface {
	// URL returns the base URL of the API, without a slash at its end. It stays the same over restarts.
	URL() string
	// OpsURLs returns the base URLs of health and metrics, of the API first and then of each dispatcher.
	OpsURLs() []string
	// Key returns a raw API key of the organization Organization that may read and write.
	Key() string
	// NewKey makes another raw API key. A platform key belongs to no organization: the organization is not used.
	NewKey(tb testing.TB, organization string, scope Scope) string
	// Stop stops everything with SIGTERM. It is called at the end of the test in any case, and may be called before.
	Stop() error
}

// Organization is the owner of the key that Stack.Key returns. No example in the OpenAPI document has this name, so that a value from
// the document is never the caller's own.
const Organization = "org-of-the-stack"

// Scope is the access of an API key.
type Scope string

// The scopes of API keys.
const (
	Read      Scope = "read"
	ReadWrite Scope = "read-write"
	// Platform keys act for every organization.
	Platform Scope = "platform"
)

// createKey returns the arguments of the API service's program that create a key.
func createKey(organization string, scope Scope) []string {
	if scope == Platform {
		return []string{"keys", "create", "--platform", "--name", "test"}
	}
	return []string{"keys", "create", "--organization", organization, "--name", "test", "--scope", string(scope)}
}

// Service is one process of a stack.
type Service = process.Service

// Options of a stack. The zero value is a Redrive that sends to this machine and retries after a second.
type Options struct {
	// DeliveryTimeout bounds one attempt. Defaults to 30 s, which no healthy receiver reaches on a busy machine. The reconciler enqueues
	// lost deliveries 5 to 10 s later.
	DeliveryTimeout time.Duration
	// RetrySchedule holds the delays before each retry, which are rounded up to a whole second. Defaults to 100 ms.
	RetrySchedule []time.Duration
	// Dispatchers is the number of dispatchers. Defaults to 1.
	Dispatchers int
	// PublicOnly keeps the production settings of the egress guard: https and public addresses only.
	PublicOnly bool
	// OperatorPassword is the password of the queue's web UI.
	OperatorPassword string
	// Descriptors is the limit of open files of each dispatcher (ulimit -n). Defaults to that of the test.
	Descriptors int
	// DispatcherLog gets a copy of the dispatchers' output. Defaults to none.
	DispatcherLog io.Writer
	// Settings are further environment variables of both services.
	Settings map[string]string
}

// databaseTimeout is longer than a statement takes on a busy machine. No test of this package uses a database that hangs.
const databaseTimeout = time.Minute

// Inspectable is a stack whose queue can be inspected.
type Inspectable interface {
	Queues() *asynq.Inspector
}

// RedisOwner is a stack with a Redis server that can be stopped, killed and restarted.
type RedisOwner interface {
	Redis() *testservers.RedisServer
}

// Fleet is a stack of separate services that can be stopped, killed and restarted.
type Fleet interface {
	API() *Service
	Dispatchers() []*Service
}

// Operated is a stack whose queue page requires the operator's password.
type Operated interface {
	OperatorPassword() string
}

// Single is a stack of one process that can be stopped, killed and restarted.
type Single interface {
	Process() *Service
}

// CommandLine is a stack whose API service has a command line.
type CommandLine interface {
	// Command runs the API service's program with arguments and returns its output.
	Command(args ...string) (string, error)
	// CommandWith is Command with settings that replace those of the stack.
	CommandWith(settings map[string]string, args ...string) (string, error)
}
