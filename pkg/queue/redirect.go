package queue

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/redis/go-redis/v9"
)

// redirecting is a client of one server that goes on as the client of a cluster once the server turns out to be a node of one: the
// server says so when a connection is made, or answers MOVED or ASK. So a service starts before Redis is there, and REDIS_URL need
// not say which it is. Nothing is run twice: a command that is redirected was not run.
type redirecting struct {
	*redis.Client
	toCluster *redirects
}

func newRedirecting(options *redis.UniversalOptions) *redirecting {
	r := &redirects{options: *options}
	single := *options
	single.OnConnect = r.ask
	c := &redirecting{Client: redis.NewClient(single.Simple()), toCluster: r}
	c.Client.AddHook(r)
	return c
}

// Bare is the client of go-redis in a client that Connect made, for a library that looks at its type.
func Unwrap(client redis.UniversalClient) redis.UniversalClient {
	if c, ok := client.(*redirecting); ok {
		return c.Client
	}
	return client
}

// AddHook adds the hook to what runs the commands.
func (c *redirecting) AddHook(hook redis.Hook) {
	c.Client.AddHook(hook)
	c.toCluster.addHook(hook)
}

// PoolStats are those of the cluster's nodes once they are in use.
func (c *redirecting) PoolStats() *redis.PoolStats {
	if cluster := c.toCluster.cluster.Load(); cluster != nil {
		return cluster.PoolStats()
	}
	return c.Client.PoolStats()
}

// Close closes all connections.
func (c *redirecting) Close() error { return errors.Join(c.toCluster.close(), c.Client.Close()) }

// redirects is the hook that sends commands to the cluster.
type redirects struct {
	options redis.UniversalOptions
	asked   atomic.Bool // the server has said what it is
	cluster atomic.Pointer[redis.ClusterClient]

	mutex  sync.Mutex
	hooks  []redis.Hook
	closed bool
}

// ask finds out whether the server is a node of a cluster. A server that does not let this user ask is taken for none, until it
// redirects a command.
func (r *redirects) ask(ctx context.Context, connection *redis.Conn) error {
	if r.asked.Load() {
		return nil
	}
	info, err := connection.Info(ctx, "cluster").Result()
	if err != nil {
		return nil //nolint:nilerr // the command that needs the connection meets the same fault, or is redirected
	}
	r.asked.Store(true)
	if strings.Contains(info, "cluster_enabled:1") {
		r.follow()
	}
	return nil
}

// follow makes the client of the cluster, once. It is nil when this one is closed.
func (r *redirects) follow() *redis.ClusterClient {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if cluster := r.cluster.Load(); cluster != nil || r.closed {
		return cluster
	}
	cluster := redis.NewClusterClient(r.options.Cluster())
	for _, hook := range r.hooks {
		cluster.AddHook(hook)
	}
	r.cluster.Store(cluster)
	return cluster
}

func (r *redirects) addHook(hook redis.Hook) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.hooks = append(r.hooks, hook)
	if cluster := r.cluster.Load(); cluster != nil {
		cluster.AddHook(hook)
	}
}

func (r *redirects) close() error {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.closed = true
	if cluster := r.cluster.Load(); cluster != nil {
		return cluster.Close()
	}
	return nil
}

// ofConnection are the commands that set a connection up: they are for that connection, which may be one for notifications.
var ofConnection = map[string]bool{"hello": true, "auth": true, "select": true, "client": true, "readonly": true}

// DialHook changes nothing.
func (r *redirects) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

// ProcessHook runs a command on the cluster, if there is one.
func (r *redirects) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, command redis.Cmder) error {
		if cluster := r.cluster.Load(); cluster != nil && !ofConnection[command.Name()] {
			return cluster.Process(ctx, command)
		}
		err := next(ctx, command)
		if !isRedirected(err) {
			return err
		}
		if cluster := r.follow(); cluster != nil {
			return cluster.Process(ctx, command)
		}
		return err
	}
}

// ProcessPipelineHook does the same for pipelines. Of a pipeline that was redirected in part, it runs that part. A transaction is
// left as it is: neither this package nor asynq has one.
func (r *redirects) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, commands []redis.Cmder) error {
		if commands[0].Name() == "multi" || ofConnection[commands[0].Name()] {
			return next(ctx, commands)
		}
		if cluster := r.cluster.Load(); cluster != nil {
			return runPipeline(ctx, cluster, commands)
		}
		err := next(ctx, commands)
		rest := redirected(commands)
		if len(rest) == 0 {
			return err
		}
		if cluster := r.follow(); cluster != nil {
			_ = runPipeline(ctx, cluster, rest) // each command has its error
		}
		return firstError(commands)
	}
}

func runPipeline(ctx context.Context, cluster *redis.ClusterClient, commands []redis.Cmder) error {
	pipe := cluster.Pipeline()
	if err := pipe.BatchProcess(ctx, commands...); err != nil {
		return err
	}
	_, err := pipe.Exec(ctx)
	return err
}

func redirected(commands []redis.Cmder) []redis.Cmder {
	var some []redis.Cmder
	for _, command := range commands {
		if isRedirected(command.Err()) {
			some = append(some, command)
		}
	}
	return some
}

func firstError(commands []redis.Cmder) error {
	for _, command := range commands {
		if err := command.Err(); err != nil {
			return err
		}
	}
	return nil
}

func isRedirected(err error) bool {
	return err != nil && (redis.HasErrorPrefix(err, "MOVED ") || redis.HasErrorPrefix(err, "ASK "))
}
