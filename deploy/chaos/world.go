package chaos

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"

	"redrive/deploy/chaos/internal/receiver"
	"redrive/deploy/chaos/proxy"
	"redrive/deploy/stack/process"
	"redrive/pkg/keyring"
	"redrive/pkg/lifecycle"
	"redrive/pkg/testservers"
)

// world holds all processes, servers and connections of a run. The harness reaches both servers directly, the services only through the
// proxies.
type world struct {
	options     Options
	programs    string
	postgres    *testservers.PostgresServer
	redis       *testservers.RedisServer
	toPostgres  *proxy.Proxy
	toRedis     *proxy.Proxy
	receiver    *receiver.Receiver
	database    *pgxpool.Pool
	cache       *redis.Client
	settings    map[string]string
	api         *process.Service
	dispatchers []*process.Service
	parts       lifecycle.Stack
}

// newWorld starts everything without a load. The caller closes what it returns, even beside an error.
func newWorld(ctx context.Context, o Options) (*world, error) {
	w := &world{options: o}
	if err := w.prepare(); err != nil {
		return w, err
	}
	if err := w.connect(ctx); err != nil {
		return w, err
	}
	if err := w.configure(); err != nil {
		return w, err
	}
	if _, err := w.command(ctx, "migrate"); err != nil {
		return w, err
	}
	return w, w.startServices()
}

// prepare builds the programs and starts the servers concurrently.
func (w *world) prepare() error {
	var group sync.WaitGroup
	failures := make([]error, 3)
	group.Go(func() {
		w.programs, failures[0] = process.Build(w.sources()...)
		w.parts.Push("the programs", func(context.Context) error { return os.RemoveAll(w.programs) })
	})
	group.Go(func() {
		if w.postgres, failures[1] = testservers.StartPostgres(testservers.PostgresOptions{}); failures[1] == nil {
			w.parts.Push("PostgreSQL", func(context.Context) error { return w.postgres.Close() })
		}
	})
	group.Go(func() {
		if w.redis, failures[2] = testservers.StartRedis(testservers.RedisOptions{}); failures[2] == nil {
			w.parts.Push("Redis", func(context.Context) error { return w.redis.Close() })
		}
	})
	group.Wait()
	return errors.Join(failures...)
}

// connect opens the harness's own connections, the receiver and the proxies.
func (w *world) connect(ctx context.Context) (err error) {
	if w.database, err = pgxpool.New(ctx, w.postgres.URL()); err != nil {
		return fmt.Errorf("open the database: %w", err)
	}
	w.parts.Push("the database's connections", func(context.Context) error {
		w.database.Close()
		return nil
	})
	w.cache = redis.NewClient(&redis.Options{Addr: address(w.redis.Port()), ContextTimeoutEnabled: true})
	w.parts.Push("the connections to Redis", func(context.Context) error { return w.cache.Close() })
	if w.receiver, err = receiver.New(receiver.Options{Think: thinkTime}); err != nil {
		return err
	}
	w.parts.Push("the receiver", func(context.Context) error { return w.receiver.Close() })
	for server, to := range map[int]**proxy.Proxy{w.postgres.Port(): &w.toPostgres, w.redis.Port(): &w.toRedis} {
		made, err := proxy.New(address(server))
		if err != nil {
			return err
		}
		w.parts.Push("a proxy", func(context.Context) error { return made.Close() })
		*to = made
	}
	return nil
}

const (
	apiProgram = "api-service"
	// thinkTime is the receiver's average time for an answer, so that requests are in flight at a fault.
	thinkTime = 100 * time.Millisecond
	// deliveryTimeout is longer than a slow answer of the receiver.
	deliveryTimeout = 5 * time.Second
	// schedule is a retry schedule of three days in short form. Every delay is shorter than the receiver's Retry-After.
	schedule = "1s,1s,1s,2s"
	// maxRetries is enough for a delivery that its receiver accepts in the end, with any faults.
	maxRetries = 4
	// endpointConcurrency is the number of attempts of a dispatcher to one endpoint at the same time.
	endpointConcurrency = 20
	// stopLimit is a safety limit for a clean stop, which takes at most the delivery timeout and some seconds.
	stopLimit = 5 * time.Minute
)

// sources are the programs to build. Each dispatcher has a version of its own, by which the receiver identifies it.
func (w *world) sources() []process.Source {
	sources := []process.Source{{Output: apiProgram, Module: "api-service", Package: "./cmd/api-service", Version: "chaos"}}
	if w.options.Control != "" {
		return sources // the dispatchers are this program
	}
	for number := range w.options.Dispatchers {
		sources = append(sources, process.Source{
			Output: dispatcherProgram(number), Module: "dispatcher-service", Package: "./cmd/dispatcher-service", Version: receiver.Version(number),
		})
	}
	return sources
}

func dispatcherProgram(number int) string { return "dispatcher-service-" + strconv.Itoa(number) }

// configure returns the complete environment of the services. It contains nothing of this process's environment except paths.
func (w *world) configure() error {
	database, err := url.Parse(w.postgres.URL())
	if err != nil {
		return fmt.Errorf("read the database's address: %w", err)
	}
	database.Host = w.toPostgres.Addr()
	key, err := keyring.Generate()
	if err != nil {
		return err
	}
	w.settings = map[string]string{
		"PATH":              os.Getenv("PATH"),
		"TMPDIR":            os.TempDir(),
		"DATABASE_URL":      database.String(),
		"REDIS_URL":         "redis://" + w.toRedis.Addr() + "/0",
		"API_ADDR":          "127.0.0.1:0",
		"OPS_ADDR":          "127.0.0.1:0",
		"DRAIN_DELAY":       "0s", // there is no load balancer
		"SECRETS_KEY":       key,
		"EGRESS_ALLOW_HTTP": "true",
		"EGRESS_ALLOW":      "127.0.0.0/8",
		"DELIVERY_TIMEOUT":  deliveryTimeout.String(),
		"RETRY_SCHEDULE":    schedule,
		// Publishing a burst of one organization takes longer than the default limit.
		"ENDPOINT_CONCURRENCY": strconv.Itoa(endpointConcurrency),
	}
	return nil
}

func address(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// close closes everything, the services first.
func (w *world) close() error { return w.parts.Unwind(context.Background()) }
