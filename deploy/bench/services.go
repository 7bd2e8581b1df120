package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/redis/go-redis/v9"

	"redrive/deploy/stack/process"
	"redrive/pkg/lifecycle"
	"redrive/pkg/store"
)

const (
	apiProgram        = "api-service"
	dispatcherProgram = "dispatcher-service"
	embeddedProgram   = "redrive"
)

// stopLimit is longer than a dispatcher needs to stop while all its attempts hang.
const stopLimit = 45 * time.Second

// services is Redrive as it is deployed: an API and a dispatcher.
type services struct {
	servers    servers
	database   *database
	redis      redis.UniversalClient
	api        *process.Service
	dispatcher *process.Service
	// another starts a further dispatcher, and returns a function that stops it.
	another func() (stop func(), err error)
}

// place is where the services have their data.
type place struct {
	database string // a new one
	redis    int
	// through returns the URL by which the services reach the store of a name and a URL. Without it, they use the URL itself.
	through func(store, url string) (string, error)
}

// startServices starts both over a database of their own.
func startServices(ctx context.Context, s servers, programs string, opened *lifecycle.Stack) (*services, error) {
	return startServicesAt(ctx, s, programs, opened, place{database: "redrive", redis: redisSystem})
}

// startServicesAt starts both at a place.
func startServicesAt(ctx context.Context, s servers, programs string, opened *lifecycle.Stack, at place) (*services, error) {
	url, err := s.createDatabase(ctx, at.database)
	if err != nil {
		return nil, err
	}
	v := &services{servers: s}
	if v.database, err = openDatabase(ctx, url); err != nil {
		return nil, err
	}
	opened.Push("the database", func(context.Context) error { return v.database.close() })
	if v.redis, err = s.redisClient(at.redis); err != nil {
		return nil, err
	}
	opened.Push("the Redis client", func(context.Context) error { return v.redis.Close() })
	redisURL, err := s.redisURL(at.redis)
	if err != nil {
		return nil, err
	}
	settings := settingsOf(v.database, redisURL)
	for name, store := range map[string]string{"DATABASE_URL": processPostgres, "REDIS_URL": processRedis} {
		if at.through == nil {
			break
		}
		if settings[name], err = at.through(store, settings[name]); err != nil {
			return nil, err
		}
	}
	v.api = newService(opened, apiProgram, programs, settings)
	v.dispatcher = newService(opened, dispatcherProgram, programs, settings)
	v.another = func() (func(), error) {
		further := newService(opened, dispatcherProgram, programs, settings)
		return func() { _ = further.Kill() }, further.Start(nil) // Start reports one that has failed.
	}
	return v, errors.Join(v.api.Start(nil), v.dispatcher.Start(nil))
}

// newService makes a service that ends with the run.
func newService(opened *lifecycle.Stack, program, programs string, settings map[string]string) *process.Service {
	s := process.New(process.Options{Name: program, Program: filepath.Join(programs, program), Settings: settings, StopLimit: stopLimit})
	opened.Push(program, func(context.Context) error {
		if !s.Running() {
			return nil
		}
		return s.Kill()
	})
	return s
}

// settingsOf is the environment of the services: the defaults, but for where things are and what a receiver on this machine
// needs. Nothing is purged behind a measurement's back, and no key is held back.
func settingsOf(d *database, redisURL string) map[string]string {
	return map[string]string{
		"PATH":              os.Getenv("PATH"),
		"TMPDIR":            os.TempDir(),
		"DATABASE_URL":      d.url,
		"REDIS_URL":         redisURL,
		"API_ADDR":          "127.0.0.1:0",
		"OPS_ADDR":          "127.0.0.1:0",
		"DRAIN_DELAY":       "0s",
		"SECRETS_KEY":       d.secretsKey,
		"EGRESS_ALLOW_HTTP": "true",
		"EGRESS_ALLOW":      "127.0.0.0/8",
		"RETENTION":         "0s",
		"ERASURE_DELAY":     "0s",
		"OPS_PROFILES":      "true",
		"API_RATE_LIMIT":    "0", // The limits of a key would limit the measurement.
	}
}

func (v *services) url() string { return v.api.URL() }

func (v *services) store() *store.Store { return v.database.store }

func (v *services) processes() []watched {
	list := []watched{{name: processAPI, pid: v.api.PID()}, {name: processDispatcher, pid: v.dispatcher.PID()}}
	if server, err := v.servers.postgres(); err == nil {
		list = append(list, watched{name: processPostgres, pid: server.PID(), family: true})
	}
	if server, err := v.servers.redis(); err == nil {
		list = append(list, watched{name: processRedis, pid: server.PID()})
	}
	return append(list, watched{name: processBench, pid: os.Getpid()})
}

func (v *services) pause(context.Context) error { return v.dispatcher.Stop() }

func (v *services) resume(context.Context) error { return v.dispatcher.Start(nil) }

// fill publishes events, which needs only the API.
func (v *services) fill(ctx context.Context, c *customer, count int) error {
	return publishAll(ctx, c, count)
}

// clear kills the dispatcher, because it would wait for its attempts in flight.
func (v *services) clear(ctx context.Context) error {
	if v.dispatcher.Running() {
		if err := v.dispatcher.Kill(); err != nil {
			return err
		}
	}
	if err := v.database.exec(ctx, "TRUNCATE deliveries, attempts, events"); err != nil {
		return err
	}
	if err := v.redis.FlushDB(ctx).Err(); err != nil {
		return fmt.Errorf("empty Redis: %w", err)
	}
	return v.resume(ctx)
}

// information reads a figure from Redis.
func (v *services) information(ctx context.Context, section, name string) (float64, error) {
	return redisFigure(ctx, v.redis, section, name)
}

func (v *services) logs() string {
	return "the end of the API's log:\n" + v.api.LogEnd() + "\nand of the dispatcher's:\n" + v.dispatcher.LogEnd()
}
