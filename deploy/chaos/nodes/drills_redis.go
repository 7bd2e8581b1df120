package nodes

import (
	"context"
	"errors"
	"fmt"
	"time"

	"redrive/deploy/chaos/internal/audit"
	"redrive/deploy/chaos/internal/await"
	"redrive/pkg/lifecycle"
)

func redisDrills() []drill {
	return []drill{
		{
			name: "redis-killed", about: "Redis's primary is killed, and the Sentinels promote a replica", short: true,
			run: killRedis,
		},
		{
			name: "redis-minority", about: "Redis's primary is cut off for 20 s with one Sentinel, one dispatcher and one API process",
			run: cutRedisMinority,
		},
		{
			name: "redis-cluster-killed", about: "the node of a Redis Cluster that has the queue is killed, and started again after 10 s",
			shape: shape{cluster: true}, run: killClusterNode,
		},
	}
}

// killRedis kills the primary. It is a replica when it is started again.
func killRedis(ctx context.Context, w *world) error {
	began, err := w.redis[0].kill(ctx)
	if err != nil {
		return err
	}
	f := audit.Fault{Kind: audit.RedisKilled, Began: began}
	if err := w.awaitPromotion(ctx, w.sentinels[0]); err != nil {
		return err
	}
	f.Over = time.Now()
	if err := w.over(ctx, "primary killed, replica promoted", f.Over, f); err != nil {
		return err
	}
	if err := w.redis[0].resume(ctx); err != nil {
		return err
	}
	return w.redisSays(ctx, w.redis[0], "INFO", "role:slave", "replication")
}

// cutRedisMinority cuts the primary off together with the minority of the Sentinels, a dispatcher and an API process. These continue to use
// it, while the others use the replica that the majority promotes. Writes to the old primary during the cut are lost.
func cutRedisMinority(ctx context.Context, w *world) error {
	const length = 20 * time.Second
	minority := []*node{w.redis[0], w.sentinels[0], w.dispatchers[0], w.apis[0]}
	majority := addresses(w.redis[1], w.redis[2], w.sentinels[1], w.sentinels[2], w.dispatchers[1], w.dispatchers[2], w.apis[1])
	f := audit.Fault{Kind: audit.RedisSwitchedOver, Began: time.Now()}
	for _, n := range minority {
		if err := n.cut(ctx, majority...); err != nil {
			return err
		}
	}
	if err := w.awaitPromotion(ctx, w.sentinels[1]); err != nil {
		return err
	}
	promoted := time.Since(f.Began)
	if err := lifecycle.Sleep(ctx, max(0, length-promoted)); err != nil {
		return err
	}
	for _, n := range minority {
		if err := n.heal(ctx); err != nil {
			return err
		}
	}
	// The old primary is emptied and copies the new one when its Sentinel has received the new configuration. Until then the minority uses it.
	if err := w.redisSays(ctx, w.redis[0], "INFO", "role:slave", "replication"); err != nil {
		return err
	}
	f.Over = time.Now()
	_, err := w.measure(ctx, measure{
		what: "primary with the minority cut off, replica promoted", since: f.Over,
		note: fmt.Sprintf("promoted after %s s", seconds(promoted)),
	}, f)
	return err
}

// awaitPromotion waits until a Sentinel names another primary, which accepts writes.
func (w *world) awaitPromotion(ctx context.Context, asked *node) error {
	return await.Until(ctx, startPatience, func() (bool, error) {
		primary, err := w.redisPrimary(ctx, asked)
		if err != nil || primary == w.redis[0] {
			return false, err
		}
		answer, err := askRedis(ctx, primary, "ROLE")
		return len(answer) > len("[master") && answer[:len("[master")] == "[master", err
	})
}

// killClusterNode kills the node that has the keys of the queue. It has no replica: it comes back with its file.
func killClusterNode(ctx context.Context, w *world) error {
	const length = 10 * time.Second
	owner, err := w.queueOwner(ctx)
	if err != nil {
		return err
	}
	began, err := owner.kill(ctx)
	if err != nil {
		return err
	}
	f := audit.Fault{Kind: audit.RedisKilled, Began: began}
	if err := lifecycle.Sleep(ctx, length); err != nil {
		return err
	}
	f.Down = time.Now()
	if err := owner.resume(ctx); err != nil {
		return err
	}
	if err := w.redisSays(ctx, owner, "CLUSTER", "cluster_state:ok", "INFO"); err != nil {
		return err
	}
	f.Over = time.Now()
	return w.over(ctx, "the queue's node killed and started", f.Over, f)
}

// queueOwner is the node of the cluster with the most keys, which are those of the queue.
func (w *world) queueOwner(ctx context.Context) (owner *node, err error) {
	most := 0
	for _, n := range w.redis {
		answer, err := askRedis(ctx, n, "DBSIZE")
		if err != nil {
			return nil, fmt.Errorf("count the keys of %s: %w", n.role, err)
		}
		var keys int
		if _, err := fmt.Sscan(answer, &keys); err != nil {
			return nil, fmt.Errorf("count the keys of %s: %w", n.role, err)
		}
		if keys > most {
			owner, most = n, keys
		}
	}
	if owner == nil {
		return nil, errors.New("no node of the cluster has keys")
	}
	return owner, nil
}
