package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"redrive/deploy/chaos/internal/audit"
	"redrive/deploy/chaos/internal/await"
	"redrive/pkg/lifecycle"
)

// do executes one step of the plan. It returns when the fault is over and the system has begun to recover.
func (r *run) do(ctx context.Context, a action, random *rand.Rand) error {
	switch a {
	case rollingUpdate:
		return r.rollingUpdate(ctx)
	case killDispatchers:
		return r.killDispatchers(ctx, random)
	case killAPI:
		return r.killAPI(ctx)
	case killRedis:
		return r.killRedis(ctx, random)
	case flushRedis:
		return r.flushRedis(ctx)
	case stopPostgres:
		return r.stopPostgres(ctx, random)
	case partitionRedis:
		return r.partition(ctx, audit.RedisPartitioned, r.toRedis)
	case partitionPostgres:
		return r.partition(ctx, audit.PostgresPartitioned, r.toPostgres)
	case outrunFrozen:
		return r.outrunFrozen(ctx, random)
	case freeze:
		return r.freeze(ctx, random)
	case fillQueue:
		return r.fillQueue(ctx, random)
	case storm:
		return r.storm(ctx, random)
	}
	return fmt.Errorf("there is no fault %q", a)
}

const (
	partitionTime = 5 * time.Second
	// sendPatience is how long the harness waits for a send after a fault. It is longer than any limit.
	sendPatience = 2 * time.Minute
	minDown      = time.Second
	maxDown      = 3 * time.Second
)

func downtime(random *rand.Rand) time.Duration {
	return minDown + time.Duration(random.Int64N(int64(maxDown-minDown)))
}

// killRedis kills Redis, which persists nothing, and starts it again.
func (r *run) killRedis(ctx context.Context, random *rand.Rand) error {
	f := audit.Fault{Kind: audit.RedisKilled, Began: time.Now()}
	if err := r.redis.Kill(); err != nil {
		return err
	}
	if err := lifecycle.Sleep(ctx, downtime(random)); err != nil {
		return err
	}
	f.Down = time.Now()
	if err := r.redis.Restart(ctx); err != nil {
		return err
	}
	return r.over(ctx, f)
}

func (r *run) flushRedis(ctx context.Context) error {
	f := audit.Fault{Kind: audit.RedisFlushed, Began: time.Now()}
	if err := r.cache.FlushAll(ctx).Err(); err != nil {
		return fmt.Errorf("flush Redis: %w", err)
	}
	return r.over(ctx, f)
}

// stopPostgres stops PostgreSQL in immediate mode and starts it again.
func (r *run) stopPostgres(ctx context.Context, random *rand.Rand) error {
	f := audit.Fault{Kind: audit.PostgresStopped, Began: time.Now()}
	if err := r.postgres.Immediate(); err != nil {
		return err
	}
	if err := lifecycle.Sleep(ctx, downtime(random)); err != nil {
		return err
	}
	f.Down = time.Now()
	if err := r.postgres.Restart(ctx); err != nil {
		return err
	}
	return r.over(ctx, f)
}

// breakable is a connection that can be cut: proxy.Proxy.
type breakable interface {
	Partition()
	Heal()
}

// partition disconnects the services from a server for a while.
func (r *run) partition(ctx context.Context, kind audit.Kind, from breakable) error {
	f := audit.Fault{Kind: kind, Began: time.Now()}
	from.Partition()
	defer from.Heal()
	if err := lifecycle.Sleep(ctx, partitionTime); err != nil {
		return err
	}
	from.Heal()
	return r.over(ctx, f)
}

// over records a fault that has just ended. Except in a short run, it waits for the next send. The time until then is compared with a
// limit, so the next fault must not begin before.
func (r *run) over(ctx context.Context, f audit.Fault) error {
	f.Over = time.Now()
	r.Fault(f)
	if r.options.Short {
		return nil
	}
	err := await.Until(ctx, sendPatience, func() (bool, error) { return r.receiver.SeenAfter(f.Over), nil })
	if errors.Is(err, await.ErrPatience) {
		r.Problem("nothing was sent within %s after %s", sendPatience, f.Kind)
		return nil
	}
	return err
}
