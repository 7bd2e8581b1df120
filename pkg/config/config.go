// Package config reads the settings of both services from environment variables. An error reports all problems at once, by the names of the
// variables. It never has the value of a secret.
package config

import (
	"cmp"
	"log/slog"
	"net/netip"
	"reflect"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"

	"redrive/pkg/webhook"
)

// Secret is a setting that prints and logs as asterisks.
type Secret string

// Reveal returns the text itself.
func (s Secret) Reveal() string { return string(s) }

func (Secret) String() string { return "****" }

// GoString hides the text from %#v.
func (s Secret) GoString() string { return s.String() }

// LogValue hides the text from slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// Database configures the connection to PostgreSQL.
type Database struct {
	URL            Secret `env:"DATABASE_URL,required,notEmpty" doc:"PostgreSQL, as postgres://user:password@host:port[,host:port…]/database; of several hosts, the one that accepts writes is used (target_session_attrs=read-write); through PgBouncer, in transaction or session mode, with ?default_query_exec_mode=cache_describe"`
	MaxConnections int    `env:"DATABASE_MAX_CONNECTIONS" envDefault:"20" doc:"largest number of connections of one process"`
}

// Replica configures the replica of the database.
type Replica struct {
	URL Secret `env:"DATABASE_REPLICA_URL" doc:"one or more streaming standbys of the database, as DATABASE_URL; lists, searches, statistics and the console read from one that is at most 2 s behind, and otherwise from DATABASE_URL; it has as many connections as DATABASE_MAX_CONNECTIONS"`
}

// Statements bounds what a process waits for its database.
type Statements struct {
	Timeout time.Duration `env:"DATABASE_TIMEOUT" envDefault:"5s" doc:"longest time of one statement; after it the database counts as unavailable; three times as long for a batch of events"`
}

// Redis configures the connection to the queue.
type Redis struct {
	URL      Secret `env:"REDIS_URL,required,notEmpty" doc:"Redis, as redis://[[user]:password@]host[:port][,host[:port]…][/database], the same with rediss:// for TLS, redis-cluster://[[user]:password@]host[:port][,host[:port]…] for a cluster, or redis-sentinel://[[user]:password@]host:port[,host:port…][/database]?master=name. Several hosts of redis:// and rediss:// are nodes of a cluster. Parameters: pool_size (connections at most, 1 to 65535); redis:// and rediss:// also db, and cluster (true: the host is a node of a cluster; false: it is none; unset, the server is asked); redis-sentinel:// also master, sentinel_user, sentinel_password; redis-cluster:// and redis-sentinel:// also tls (true or false; for the sentinels too); with TLS also tls_server_name (the name in the servers' certificates, if it is not the host). Any other is refused"`
	CAFile   string `env:"REDIS_CA_FILE" doc:"file with the certificates (PEM) of the authorities that may sign Redis's certificate; the system's by default"`
	CertFile string `env:"REDIS_CERT_FILE" doc:"file with the client certificate (PEM) for Redis; read again for each connection"`
	KeyFile  string `env:"REDIS_KEY_FILE" doc:"file with the key (PEM) of REDIS_CERT_FILE"`
}

// Log configures the log.
type Log struct {
	Level  slog.Level `env:"LOG_LEVEL" envDefault:"info" doc:"debug, info, warn or error"`
	Format string     `env:"LOG_FORMAT" envDefault:"json" doc:"json or text"`
}

// Profiles configures profiles of the process.
type Profiles struct {
	Profiles bool `env:"OPS_PROFILES" envDefault:"false" doc:"serve profiles of the process at /debug/pprof/ of OPS_ADDR, for go tool pprof"`
}

// Egress configures the destinations of webhooks beside public https addresses.
type Egress struct {
	AllowHTTP bool           `env:"EGRESS_ALLOW_HTTP" envDefault:"false" doc:"accept endpoints with plain http URLs"`
	Allow     []netip.Prefix `env:"EGRESS_ALLOW" doc:"comma-separated CIDRs of permitted destinations that are not public; a cloud's metadata address must be listed by itself, as a /32 or /128"`
	NAT64     []netip.Prefix `env:"EGRESS_NAT64" doc:"comma-separated NAT64 prefixes, such as 64:ff9b::/96; an address in one is permitted if its IPv4 address is"`
}

// Tracing configures the export of traces. OpenTelemetry reads its other variables itself.
type Tracing struct {
	Endpoint string `env:"OTEL_EXPORTER_OTLP_ENDPOINT" doc:"OpenTelemetry collector for traces by OTLP over HTTP, as http://host:4318; without it there are no traces. OpenTelemetry's other variables work too, such as OTEL_TRACES_SAMPLER"`
}

// TracesURL returns the URL of the collector for traces.
func (t Tracing) TracesURL() string { return strings.TrimSuffix(t.Endpoint, "/") + "/v1/traces" }

// Operations configures operational events.
type Operations struct {
	Organization string `env:"OPERATIONS_ORGANIZATION" doc:"id of an organization that also gets every operational event of the others, so that the platform learns of failing endpoints; empty means none"`
}

// Failing configures when a failing endpoint is disabled.
type Failing struct {
	After time.Duration `env:"FAILING_AFTER" envDefault:"120h" doc:"how long an endpoint may be without a success before it is disabled, after at least 20 failed attempts over 12 h; 0 means for ever"`
}

// Shared has the settings of both services.
type Shared struct {
	Database
	Log
	Egress
	Tracing
	Redis
	Operations
	Profiles
	SecretsKey Secret `env:"SECRETS_KEY,required,notEmpty" doc:"base64 of the 32-byte key that encrypts signing secrets and custom headers; during a rotation several, comma-separated, of which the first encrypts"`
	Statements
}

// Erasure configures the deletion of organizations.
type Erasure struct {
	Delay time.Duration `env:"ERASURE_DELAY" envDefault:"1h" doc:"how long a deleted organization can be restored before all of it is erased; 0 erases it at once"`
}

// API has the settings of the API service.
type API struct {
	Shared
	Addr             string `env:"API_ADDR" envDefault:":8080" doc:"address on which the API listens"`
	OpsAddr          string `env:"OPS_ADDR" envDefault:":9090" doc:"address of /metrics, /livez and /readyz"`
	OperatorPassword Secret `env:"OPERATOR_PASSWORD" doc:"password of the operator, with 12 characters or more: of the queue's web UI at /queues (user operator), which exists only with it, and of the operator's pages of the console"`
	QueuesReadOnly   bool   `env:"QUEUES_READ_ONLY" envDefault:"true" doc:"whether the web UI is read-only; with false it can run, archive and delete tasks"`
	// RateLimit is high enough for a platform that publishes with one key. It stops a client that loops.
	RateLimit                int            `env:"API_RATE_LIMIT" envDefault:"5000" doc:"requests per second and burst of one API key at one process; 0 means no limit"`
	UnauthenticatedRateLimit int            `env:"API_UNAUTHENTICATED_RATE_LIMIT" envDefault:"20" doc:"requests per second without a valid API key from one address at one process; the burst is five times as large; 0 means no limit"`
	Memory                   Bytes          `env:"API_MEMORY" envDefault:"64MiB" doc:"memory for the request bodies and pages of lists in progress in one process; larger requests wait for it and get 503 after 10 s"`
	TrustedProxies           []netip.Prefix `env:"TRUSTED_PROXIES" doc:"comma-separated CIDRs of proxies whose X-Forwarded-For is used"`
	CORSOrigins              []string       `env:"CORS_ORIGINS" doc:"comma-separated origins, such as https://app.example.com, whose pages may call the API from a browser"`
	Console
	Erasure
	Replica
	// DrainDelay is longer than a load balancer takes to remove an unready instance.
	DrainDelay time.Duration `env:"DRAIN_DELAY" envDefault:"3s" doc:"how long a stopping API serves requests while /readyz fails, so that load balancers remove it"`
}

// Dispatcher has the settings of the dispatcher service.
type Dispatcher struct {
	Shared
	OpsAddr             string          `env:"OPS_ADDR" envDefault:":9091" doc:"address of /metrics, /livez and /readyz"`
	Concurrency         int             `env:"DISPATCHER_CONCURRENCY" envDefault:"200" doc:"largest number of deliveries in flight in one process"`
	Memory              Bytes           `env:"DISPATCHER_MEMORY" envDefault:"64MiB" doc:"memory for the bodies of deliveries in flight in one process, counted once per event; others wait"`
	EndpointConcurrency int             `env:"ENDPOINT_CONCURRENCY" envDefault:"0" doc:"largest number of deliveries in flight to one endpoint; 0 means a quarter of DISPATCHER_CONCURRENCY, so that a hanging endpoint does not use all of it"`
	DeliveryTimeout     time.Duration   `env:"DELIVERY_TIMEOUT" envDefault:"15s" doc:"longest time of one attempt"`
	RetrySchedule       []time.Duration `env:"RETRY_SCHEDULE" envDefault:"5s,5m,30m,2h,5h,10h,14h,20h,24h" doc:"delays before each retry; the last repeats"`
	SendTraceparent     bool            `env:"SEND_TRACEPARENT" envDefault:"false" doc:"whether receivers get the W3C header traceparent, if there are traces"`
	Retention           time.Duration   `env:"RETENTION" envDefault:"2160h" doc:"how long deliveries, attempts and events are kept after their end; 0 means for ever"`
	Failing
}

// Local has the settings of local mode, which is one process on a laptop. It has few settings, because the store is a file, the queue is in
// the process, and all addresses are loopback addresses.
type Local struct {
	Statements
	Dir             string          `env:"REDRIVE_LOCAL_DIR" envDefault:".local" doc:"folder of the database and the keys"`
	Addr            string          `env:"API_ADDR" envDefault:"127.0.0.1:8080" doc:"address on which the API listens"`
	ReceiverAddr    string          `env:"RECEIVER_ADDR" envDefault:"127.0.0.1:8099" doc:"address of the sample receiver"`
	OpsAddr         string          `env:"OPS_ADDR" envDefault:"127.0.0.1:9090" doc:"address of /metrics, /livez and /readyz"`
	DeliveryTimeout time.Duration   `env:"DELIVERY_TIMEOUT" envDefault:"15s" doc:"longest time of one attempt"`
	RetrySchedule   []time.Duration `env:"RETRY_SCHEDULE" envDefault:"5s,5m,30m,2h,5h,10h,14h,20h,24h" doc:"delays before each retry; the last repeats"`
	Retention       time.Duration   `env:"RETENTION" envDefault:"0s" doc:"how long deliveries, attempts and events are kept after their end; 0 means for ever"`
	Erasure
	Failing
	Operations
	LogLevel  slog.Level `env:"LOG_LEVEL" envDefault:"warn" doc:"debug, info, warn or error; attempts are shown at warn too"`
	LogFormat string     `env:"LOG_FORMAT" envDefault:"text" doc:"json or text"`
}

// LoadDatabase reads the settings of the commands that use only the database.
func LoadDatabase(environ map[string]string) (Database, error) {
	return load[Database](environ, func(d Database, c *check) { d.check(c) })
}

// Sealed has the settings of the commands that read or write sealed values in the database.
type Sealed struct {
	Database
	SecretsKey Secret `env:"SECRETS_KEY,required,notEmpty" doc:"see Shared"`
}

// Organizations has the settings of the commands that delete organizations.
type Organizations struct {
	Database
	Erasure
}

// LoadOrganizations reads the settings of these commands.
func LoadOrganizations(environ map[string]string) (Organizations, error) {
	return load[Organizations](environ, func(o Organizations, c *check) {
		o.Database.check(c)
		o.Erasure.check(c)
	})
}

// Restoring has the settings of the command that restores an organization. It works without Redis.
type Restoring struct {
	Database
	Redis
}

// LoadRestoring reads the settings of this command. Without REDIS_URL, in a variable or in a file, Redis is the zero value.
func LoadRestoring(environ map[string]string) (Restoring, error) {
	if environ["REDIS_URL"] == "" && environ["REDIS_URL"+fileSuffix] == "" {
		database, err := LoadDatabase(environ)
		return Restoring{Database: database}, err
	}
	return load[Restoring](environ, func(r Restoring, c *check) { r.Database.check(c) })
}

// LoadSealed reads the settings of these commands.
func LoadSealed(environ map[string]string) (Sealed, error) {
	return load[Sealed](environ, func(s Sealed, c *check) { s.Database.check(c) })
}

// LoadAPI reads the API service's settings.
func LoadAPI(environ map[string]string) (API, error) {
	return load[API](environ, func(a API, c *check) {
		a.Shared.check(c)
		a.Statements.check(c)
		c.password("OPERATOR_PASSWORD", a.OperatorPassword.Reveal())
		between(c, "DRAIN_DELAY", a.DrainDelay, 0, time.Minute)
		between(c, "API_RATE_LIMIT", a.RateLimit, 0, 1_000_000)
		between(c, "API_UNAUTHENTICATED_RATE_LIMIT", a.UnauthenticatedRateLimit, 0, 1_000_000)
		c.memory("API_MEMORY", a.Memory)
		a.Erasure.check(c)
		c.origins("CORS_ORIGINS", a.CORSOrigins)
		a.Console.check(c)
	})
}

// LoadDispatcher reads the dispatcher service's settings.
func LoadDispatcher(environ map[string]string) (Dispatcher, error) {
	return load[Dispatcher](environ, func(d Dispatcher, c *check) {
		d.Shared.check(c)
		d.Statements.check(c)
		between(c, "DISPATCHER_CONCURRENCY", d.Concurrency, 1, 10_000)
		c.memory("DISPATCHER_MEMORY", d.Memory)
		between(c, "ENDPOINT_CONCURRENCY", d.EndpointConcurrency, 0, 10_000)
		c.sending(d.DeliveryTimeout, d.RetrySchedule)
		c.retention(d.Retention)
		d.Failing.check(c)
	})
}

// LoadLocal reads the settings of local mode.
func LoadLocal(environ map[string]string) (Local, error) {
	return load[Local](environ, func(l Local, c *check) {
		l.Statements.check(c)
		c.format(l.LogFormat)
		c.sending(l.DeliveryTimeout, l.RetrySchedule)
		c.retention(l.Retention)
		l.Failing.check(c)
		l.Operations.check(c)
		l.Erasure.check(c)
		c.loopback("API_ADDR", l.Addr)
		c.loopback("RECEIVER_ADDR", l.ReceiverAddr)
		c.loopback("OPS_ADDR", l.OpsAddr)
	})
}

// Environ converts the process's environment to the form that the loaders take.
func Environ(environ []string) map[string]string { return env.ToMap(environ) }

func (d Database) check(c *check) {
	between(c, "DATABASE_MAX_CONNECTIONS", d.MaxConnections, 1, 10_000)
}

func (s Statements) check(c *check) {
	between(c, "DATABASE_TIMEOUT", s.Timeout, 100*time.Millisecond, 10*time.Minute)
}

func (e Erasure) check(c *check) {
	between(c, "ERASURE_DELAY", e.Delay, 0, 365*24*time.Hour)
}

func (f Failing) check(c *check) {
	if f.After != 0 {
		between(c, "FAILING_AFTER", f.After, time.Minute, 365*24*time.Hour)
	}
}

func (o Operations) check(c *check) {
	if o.Organization != "" && webhook.CheckOrganizationID(o.Organization) != nil {
		c.add("OPERATIONS_ORGANIZATION", "must be the id of an organization: a letter or digit and up to 127 more letters, digits, _, . and -")
	}
}

func (s Shared) check(c *check) {
	s.Database.check(c)
	s.Operations.check(c)
	c.format(s.Format)
	c.nat64(s.NAT64)
	c.endpoint("OTEL_EXPORTER_OTLP_ENDPOINT", s.Endpoint)
}

func between[T cmp.Ordered](c *check, name string, value, low, high T) {
	if value < low || value > high {
		c.add(name, "must be between %v and %v", low, high)
	}
}

func load[T any](environ map[string]string, validate func(T, *check)) (T, error) {
	var settings T
	var c check
	environ = readSecrets(reflect.TypeOf(settings), withPresentNames(environ), &c)
	if err := env.ParseWithOptions(&settings, env.Options{Environment: environ}); err != nil {
		c.parsing(reflect.TypeOf(settings), err)
	}
	validate(settings, &c)
	return settings, Problems(c.problems...)
}
