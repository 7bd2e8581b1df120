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

// redirecting is a client of one server that becomes a client of a cluster when the server proves to be a node of one. It detects that from
// INFO when it connects, or from a MOVED or ASK reply. REDIS_URL therefore need not say whether Redis is a cluster, and a service can
// start before Redis. No command runs twice: a server that redirects a command has not run it.
type redirecting struct {
	*redis.Client
	toCluster *redirects
}

func newRedirecting(options *redis.UniversalOptions) *redirecting {
	r := &redirects{options: *options}
	single := *options
	single.OnConnect = r.detect
	c := &redirecting{Client: redis.NewClient(single.Simple()), toCluster: r}
	c.Client.AddHook(r)
	return c
}

// Unwrap returns the go-redis client inside a client that Connect returned, for libraries that switch on its concrete type.
func Unwrap(client redis.UniversalClient) redis.UniversalClient {
	if c, ok := client.(*redirecting); ok {
		return c.Client
	}
	return client
}

// AddHook adds a hook for all commands, on one server or on the cluster.
func (c *redirecting) AddHook(hook redis.Hook) {
	c.Client.AddHook(hook)
	c.toCluster.addHook(hook)
}

// PoolStats returns the connection statistics of the cluster's nodes, or of the single server.
func (c *redirecting) PoolStats() *redis.PoolStats {
	if cluster := c.toCluster.cluster.Load(); cluster != nil {
		return cluster.PoolStats()
	}
	return c.Client.PoolStats()
}

// Close closes all connections.
func (c *redirecting) Close() error { return errors.Join(c.toCluster.close(), c.Client.Close()) }

// redirects is the hook that sends commands to the cluster, once there is one.
type redirects struct {
	options redis.UniversalOptions
	checked atomic.Bool // the server has answered whether it is a node of a cluster
	cluster atomic.Pointer[redis.ClusterClient]

	mutex  sync.Mutex
	hooks  []redis.Hook
	closed bool
}

// detect asks a new connection's server whether it is a node of a cluster. If this user may not use INFO, the server counts as standalone
// until it redirects a command.
func (r *redirects) detect(ctx context.Context, connection *redis.Conn) error {
	if r.checked.Load() {
		return nil
	}
	info, err := connection.Info(ctx, "cluster").Result()
	if err != nil {
		return nil //nolint:nilerr // the command that needs the connection will fail in the same way, or be redirected
	}
	r.checked.Store(true)
	if strings.Contains(info, "cluster_enabled:1") {
		r.useCluster()
	}
	return nil
}

// useCluster returns the client of the cluster, and creates it on the first call. It returns nil after close.
func (r *redirects) useCluster() *redis.ClusterClient {
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

// connectionSetup are the commands that set up a connection, for example one for notifications. They must run on that connection.
var connectionSetup = map[string]bool{"hello": true, "auth": true, "select": true, "client": true, "readonly": true}

// DialHook changes nothing.
func (r *redirects) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

// ProcessHook runs a command on the cluster if there is one, and runs it again there if the server redirects it.
func (r *redirects) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, command redis.Cmder) error {
		if cluster := r.cluster.Load(); cluster != nil && !connectionSetup[command.Name()] {
			return cluster.Process(ctx, command)
		}
		err := next(ctx, command)
		if !isRedirected(err) {
			return err
		}
		if cluster := r.useCluster(); cluster != nil {
			return cluster.Process(ctx, command)
		}
		return err
	}
}

// ProcessPipelineHook does the same for a pipeline. If only some commands were redirected, it runs those on the cluster. It does not handle
// transactions: neither this package nor asynq uses any.
func (r *redirects) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, commands []redis.Cmder) error {
		if commands[0].Name() == "multi" || connectionSetup[commands[0].Name()] {
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
		if cluster := r.useCluster(); cluster != nil {
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
