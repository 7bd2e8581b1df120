package testservers

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// clusterSlots is the number of slots of a Redis Cluster.
const clusterSlots = 16384

// RedisCluster is a Redis Cluster of primaries without replicas.
type RedisCluster struct {
	nodes []clusterNode
}

// clusterNode is one node. It has its own port for the cluster bus, because the default port, 10000 above the other, is in the range for
// outgoing connections.
type clusterNode struct {
	*RedisServer
	bus, tls int
}

// RedisClusterOptions are the options of [StartRedisCluster].
type RedisClusterOptions struct {
	// Nodes is the number of nodes.
	Nodes int
	// TLS, if set, contains the TLS settings (tls-cert-file, tls-key-file, tls-ca-cert-file) of every node. A node accepts TLS on another
	// port.
	TLS map[string]string
}

// StartRedisCluster starts a cluster whose nodes share the slots, and returns once all nodes serve. The caller closes it.
func StartRedisCluster(options RedisClusterOptions) (*RedisCluster, error) {
	c := &RedisCluster{}
	err := c.start(options)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("starting a Redis Cluster: %w", err), c.Close())
	}
	return c, nil
}

// Nodes returns the nodes, in the order of their slots.
func (c *RedisCluster) Nodes() []*RedisServer {
	nodes := make([]*RedisServer, len(c.nodes))
	for i, node := range c.nodes {
		nodes[i] = node.RedisServer
	}
	return nodes
}

// TLSAddrs returns the addresses at which the nodes accept TLS, in the same order.
func (c *RedisCluster) TLSAddrs() []string {
	addrs := make([]string, len(c.nodes))
	for i, node := range c.nodes {
		addrs[i] = address(node.tls)
	}
	return addrs
}

// URL returns the URL of the first node only.
func (c *RedisCluster) URL() string { return c.nodes[0].URL() }

// Close stops all nodes and removes their files.
func (c *RedisCluster) Close() error {
	var failures []error
	for _, node := range c.nodes {
		failures = append(failures, node.Close())
	}
	return errors.Join(failures...)
}

// FlushAll empties every node.
func (c *RedisCluster) FlushAll(ctx context.Context) error {
	return c.each(func(client *redis.Client, _ int) error { return client.FlushAll(ctx).Err() })
}

func (c *RedisCluster) start(options RedisClusterOptions) error {
	nodes := options.Nodes
	for range nodes {
		node, err := startClusterNode(options)
		if err != nil {
			return err
		}
		c.nodes = append(c.nodes, node)
	}
	ctx, cancel := context.WithTimeout(context.Background(), safetyLimit)
	defer cancel()
	if err := c.each(func(client *redis.Client, i int) error {
		return client.ClusterAddSlotsRange(ctx, i*clusterSlots/nodes, (i+1)*clusterSlots/nodes-1).Err()
	}); err != nil {
		return fmt.Errorf("sharing the slots: %w", err)
	}
	if err := c.each(func(client *redis.Client, i int) error {
		return client.Do(ctx, "CLUSTER", "MEET", loopback, c.nodes[0].Port(), c.nodes[0].bus).Err()
	}); err != nil {
		return fmt.Errorf("introducing the nodes: %w", err)
	}
	return c.each(func(client *redis.Client, _ int) error { return awaitCluster(ctx, client, nodes) })
}

func startClusterNode(options RedisClusterOptions) (clusterNode, error) {
	var last error
	for range portAttempts {
		node, err := tryClusterNode(options)
		if !errors.Is(err, errPortTaken) {
			return node, err
		}
		last = err
	}
	return clusterNode{}, last
}

func tryClusterNode(options RedisClusterOptions) (node clusterNode, err error) {
	if node.bus, err = freePort(); err != nil {
		return node, err
	}
	settings := map[string]string{"cluster-enabled": "yes", "cluster-port": strconv.Itoa(node.bus), "cluster-node-timeout": "5000"}
	if len(options.TLS) > 0 {
		if node.tls, err = freePort(); err != nil {
			return node, err
		}
		maps.Copy(settings, options.TLS)
		settings["tls-cluster"], settings["tls-port"] = "yes", strconv.Itoa(node.tls)
	}
	node.RedisServer, err = StartRedis(RedisOptions{Settings: settings})
	return node, err
}

// awaitCluster waits until the node knows all other nodes and their slots.
func awaitCluster(ctx context.Context, client *redis.Client, nodes int) error {
	ticker := time.NewTicker(readyInterval)
	defer ticker.Stop()
	for {
		info, err := client.ClusterInfo(ctx).Result()
		lines := strings.Split(info, "\r\n")
		missing := slices.DeleteFunc(
			[]string{"cluster_state:ok", fmt.Sprintf("cluster_slots_ok:%d", clusterSlots), fmt.Sprintf("cluster_size:%d", nodes)},
			func(line string) bool { return slices.Contains(lines, line) },
		)
		if err == nil && len(missing) == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for the cluster, which lacks %v: %w", missing, errors.Join(ctx.Err(), err))
		case <-ticker.C:
		}
	}
}

func (c *RedisCluster) each(do func(client *redis.Client, i int) error) error {
	var failures []error
	for i, node := range c.nodes {
		client := newRedisClient(&redis.Options{Addr: address(node.Port())})
		failures = append(failures, do(client, i), client.Close())
	}
	return errors.Join(failures...)
}
