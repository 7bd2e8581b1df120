package nodes

import (
	"context"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"

	"redrive/deploy/chaos/internal/await"
)

const (
	redisPort    = "6379"
	sentinelPort = "26379"
	// masterName is what the Sentinels call the primary.
	masterName = "redrive"
)

// redisOptions are those of docker-compose.yml, but for the password. A cluster counts a node as down after 2 s, and so do Sentinels, so that
// drills are short; both take 15 s and more by default.
const redisOptions = "redis-server --dir /data --appendonly yes --maxmemory-policy noeviction --protected-mode no"

const sentinelScript = `printf 'port 26379\ndir /tmp\nprotected-mode no\nsentinel monitor redrive %s 6379 2\nsentinel down-after-milliseconds redrive 2000\nsentinel failover-timeout redrive 6000\n' "$1" > /tmp/sentinel.conf
exec redis-server /tmp/sentinel.conf --sentinel`

// startRedis starts a primary with two replicas and three Sentinels, or a cluster.
func (w *world) startRedis(ctx context.Context) error {
	primary := w.subnets[data] + ".21"
	for i := range 3 {
		options := redisOptions
		switch {
		case w.cluster:
			options += " --cluster-enabled yes --cluster-node-timeout 2000"
		case i > 0:
			options += " --replicaof " + primary + " " + redisPort
		}
		n, err := w.start(ctx, spec{
			role: fmt.Sprintf("redis-%d", i), host: 21 + i, networks: []string{data}, user: "71:71", stores: true,
			env: w.clockOf("redis", map[string]string{"PATH": "/usr/bin:/bin"}), command: strings.Fields(options),
		})
		if err != nil {
			return err
		}
		w.redis = append(w.redis, n)
	}
	if w.cluster {
		return w.formCluster(ctx)
	}
	if err := w.redisSays(ctx, w.redis[0], "INFO", "connected_slaves:2", "replication"); err != nil {
		return err
	}
	for i := range 3 {
		n, err := w.start(ctx, spec{
			role: fmt.Sprintf("sentinel-%d", i), host: 31 + i, networks: []string{data}, user: "71:71",
			env: w.clockOf("redis", map[string]string{"PATH": "/usr/bin:/bin"}), command: []string{"sh", "-c", sentinelScript, "sentinel", primary},
		})
		if err != nil {
			return err
		}
		w.sentinels = append(w.sentinels, n)
	}
	return together(
		func() error { return w.sentinelKnows(ctx, w.sentinels[0]) },
		func() error { return w.sentinelKnows(ctx, w.sentinels[1]) },
		func() error { return w.sentinelKnows(ctx, w.sentinels[2]) },
	)
}

// sentinelKnows waits until a Sentinel has found the replicas and the other Sentinels: it starts no failover before.
func (w *world) sentinelKnows(ctx context.Context, n *node) error {
	return w.redisSays(ctx, n, "INFO", "slaves=2,sentinels=3", "sentinel")
}

func (w *world) formCluster(ctx context.Context) error {
	args := []string{"redis-cli", "--cluster", "create"}
	for _, n := range w.redis {
		if err := w.redisSays(ctx, n, "PING", "PONG"); err != nil {
			return err
		}
		args = append(args, n.address(data)+":"+redisPort)
	}
	if _, err := w.redis[0].exec(ctx, append(args, "--cluster-yes")...); err != nil {
		return err
	}
	for _, n := range w.redis {
		if err := w.redisSays(ctx, n, "CLUSTER", "cluster_state:ok", "INFO"); err != nil {
			return err
		}
	}
	return nil
}

// redisURL is where services find Redis.
func (w *world) redisURL() string {
	nodes, port, scheme, parameters := w.sentinels, sentinelPort, "redis-sentinel", "?master="+masterName
	if w.cluster {
		nodes, port, scheme, parameters = w.redis, redisPort, "redis", ""
	}
	var hosts []string
	for _, n := range nodes {
		hosts = append(hosts, n.address(data)+":"+port)
	}
	return scheme + "://" + strings.Join(hosts, ",") + "/0" + parameters
}

// redisSays waits until the answer of a command contains a text.
func (w *world) redisSays(ctx context.Context, n *node, command, text string, args ...any) error {
	err := await.Until(ctx, startPatience, func() (bool, error) {
		answer, err := askRedis(ctx, n, append([]any{command}, args...)...)
		return strings.Contains(answer, text), err
	})
	if err != nil {
		return fmt.Errorf("wait until %s of %s contains %q: %w", command, n.role, text, err)
	}
	return nil
}

// askRedis sends one command to a server of Redis or a Sentinel.
func askRedis(ctx context.Context, n *node, command ...any) (string, error) {
	port := redisPort
	if strings.HasPrefix(n.role, "sentinel") {
		port = sentinelPort
	}
	client := redis.NewClient(&redis.Options{Addr: n.address(data) + ":" + port, MaxRetries: -1, ContextTimeoutEnabled: true})
	defer func() { _ = client.Close() }()
	answer, err := client.Do(ctx, command...).Result()
	return fmt.Sprint(answer), err
}

// redisPrimary is the server that the Sentinels call the primary.
func (w *world) redisPrimary(ctx context.Context, asked *node) (*node, error) {
	answer, err := askRedis(ctx, asked, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", masterName)
	if err != nil {
		return nil, fmt.Errorf("read the primary from %s: %w", asked.role, err)
	}
	for _, n := range w.redis {
		if strings.Contains(answer, n.address(data)+" ") {
			return n, nil
		}
	}
	return nil, fmt.Errorf("%s names a primary that is no node: %s", asked.role, answer)
}
