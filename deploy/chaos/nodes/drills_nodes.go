package nodes

import (
	"context"
	"fmt"
	"slices"
	"time"

	"redrive/deploy/chaos/internal/audit"
	"redrive/deploy/chaos/internal/await"
	"redrive/pkg/lifecycle"
)

func nodeDrills() []drill {
	return []drill{
		{name: "rolling-upgrade", about: "every node is restarted, one after another, with a switchover of both stores", run: restartAll, shape: shape{synchronous: true}},
		{name: "dispatcher-paused", about: "a dispatcher is paused for 60 s while others take its work, and resumed", run: pauseDispatcher},
		{
			name: "clocks", about: "clocks are up to 30 s apart: of PostgreSQL, of Redis, and of one process of each service",
			shape: shape{clocks: map[string]time.Duration{"postgres": 15 * time.Second, "redis": 30 * time.Second, "api-1": 30 * time.Second, "dispatcher-1": 30 * time.Second}},
			run:   workOffClock, excuses: earlyByClock,
		},
	}
}

// pauseDispatcher pauses a dispatcher for longer than its leases last.
func pauseDispatcher(ctx context.Context, w *world) error {
	const length = time.Minute
	f := audit.Fault{Kind: audit.DispatcherFrozen, Dispatcher: 0, Began: time.Now()}
	if err := w.dispatchers[0].pause(ctx); err != nil {
		return err
	}
	if err := lifecycle.Sleep(ctx, length); err != nil {
		return err
	}
	if err := w.dispatchers[0].unpause(ctx); err != nil {
		return err
	}
	f.Over = time.Now()
	return w.over(ctx, "dispatcher-0 paused", f.Over, f)
}

// restartAll restarts the services one after another, then the standby and the primary of PostgreSQL, then Redis.
func restartAll(ctx context.Context, w *world) error {
	for i, n := range w.dispatchers {
		if err := w.restart(ctx, n, audit.Fault{Kind: audit.DispatcherStopped, Dispatcher: i}); err != nil {
			return err
		}
	}
	for _, n := range w.apis {
		if err := w.restart(ctx, n, audit.Fault{Kind: audit.APIStopped}); err != nil {
			return err
		}
	}
	if err := w.upgradePostgres(ctx); err != nil {
		return err
	}
	return w.upgradeRedis(ctx)
}

// restart stops a service with SIGTERM, starts it again, and waits until it is ready.
func (w *world) restart(ctx context.Context, n *node, f audit.Fault) error {
	f.Began = time.Now()
	if err := n.shutDown(ctx, stopLimit); err != nil {
		return err
	}
	if code, err := n.exitCode(ctx); err != nil || code != "0" {
		w.Problem("%s ended with exit code %s when it was restarted (%v)", n.role, code, err)
	}
	if err := n.resume(ctx); err != nil {
		return err
	}
	if err := await.Until(ctx, startPatience, func() (bool, error) { return w.ready(ctx, n) }); err != nil {
		return fmt.Errorf("restart %s: %w", n.role, err)
	}
	f.Over = time.Now()
	m, err := w.measure(ctx, measure{what: n.role + " restarted", since: f.Over}, f)
	if err != nil {
		return err
	}
	if m.broken > 0 {
		w.Problem("%s: %d requests broke off", m.what, m.broken)
	}
	return nil
}

// upgradePostgres restarts the standby, then shuts the primary down cleanly, promotes the standby, and has the old primary follow it.
func (w *world) upgradePostgres(ctx context.Context) error {
	const limit = 30 * time.Second
	primary, standby := w.postgres[0], w.postgres[1]
	f := audit.Fault{Kind: audit.PostgresStopped, Began: time.Now()} // commits wait for the standby
	if err := standby.shutDown(ctx, limit); err != nil {
		return err
	}
	if err := standby.resume(ctx); err != nil {
		return err
	}
	if err := w.answering(ctx, primary, "SELECT EXISTS (SELECT FROM pg_stat_replication WHERE sync_state = 'sync')"); err != nil {
		return err
	}
	f.Over = time.Now()
	if err := w.over(ctx, "PostgreSQL's standby restarted", f.Over, f); err != nil {
		return err
	}
	follows := fmt.Sprintf("ALTER SYSTEM SET primary_conninfo = 'host=%s user=redrive application_name=standby'", standby.address(data))
	if err := w.query(ctx, primary, follows, nil); err != nil {
		return err
	}
	f = audit.Fault{Kind: audit.PostgresStopped, Began: time.Now()}
	if err := primary.shutDown(ctx, limit); err != nil {
		return err
	}
	if err := w.promote(ctx); err != nil {
		return err
	}
	f.Over = time.Now()
	if err := w.over(ctx, "PostgreSQL switched over", f.Over, f); err != nil {
		return err
	}
	if err := w.follow(ctx, primary); err != nil {
		return err
	}
	return w.answering(ctx, standby, "SELECT EXISTS (SELECT FROM pg_stat_replication WHERE state = 'streaming')")
}

// upgradeRedis restarts the replicas, has the Sentinels switch over, and restarts the old primary and the Sentinels.
func (w *world) upgradeRedis(ctx context.Context) error {
	primary := w.redis[0]
	for _, n := range w.redis[1:] {
		if err := w.restartRedis(ctx, n); err != nil {
			return err
		}
	}
	if err := w.redisSays(ctx, primary, "INFO", "connected_slaves:2", "replication"); err != nil {
		return err
	}
	f := audit.Fault{Kind: audit.RedisSwitchedOver, Began: time.Now()}
	if err := w.redisSays(ctx, w.sentinels[0], "SENTINEL", "OK", "FAILOVER", masterName); err != nil {
		return err
	}
	if err := w.awaitPromotion(ctx, w.sentinels[0]); err != nil {
		return err
	}
	if err := w.redisSays(ctx, primary, "INFO", "role:slave", "replication"); err != nil {
		return err
	}
	f.Over = time.Now()
	if err := w.over(ctx, "Redis switched over", f.Over, f); err != nil {
		return err
	}
	for _, n := range slices.Concat([]*node{primary}, w.sentinels) {
		if err := w.restartRedis(ctx, n); err != nil {
			return err
		}
	}
	return nil
}

// restartRedis restarts a replica or a Sentinel. No request and no attempt depends on it.
func (w *world) restartRedis(ctx context.Context, n *node) error {
	since := time.Now()
	if err := n.shutDown(ctx, 10*time.Second); err != nil {
		return err
	}
	if err := n.resume(ctx); err != nil {
		return err
	}
	if err := w.redisSays(ctx, n, "PING", "PONG"); err != nil {
		return fmt.Errorf("restart %s: %w", n.role, err)
	}
	return w.over(ctx, n.role+" restarted", since)
}

// workOffClock lets the nodes work for a while.
func workOffClock(ctx context.Context, w *world) error {
	if err := lifecycle.Sleep(ctx, 20*time.Second); err != nil {
		return err
	}
	return w.over(ctx, "clocks up to 30 s apart", time.Now())
}

// earlyByClock excuses a retry that is due by one clock and early by another.
func earlyByClock(_ *world, f audit.Finding) bool { return f.Rule == "sent early" }
