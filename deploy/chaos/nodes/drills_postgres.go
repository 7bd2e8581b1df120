package nodes

import (
	"context"
	"time"

	"redrive/deploy/chaos/internal/audit"
	"redrive/pkg/lifecycle"
)

func postgresDrills() []drill {
	return []drill{
		{
			name: "postgres-killed-sync", about: "PostgreSQL's primary is killed and its synchronous standby promoted", short: true,
			shape: shape{synchronous: true}, run: killPrimary,
		},
		{
			name: "postgres-killed-async", about: "PostgreSQL's primary is killed and its asynchronous standby promoted",
			run: killPrimary, excuses: notReplicated,
		},
		{
			name: "postgres-cut-sync", about: "PostgreSQL's primary is cut off while it runs, and its synchronous standby promoted",
			shape: shape{synchronous: true}, run: cutPrimary,
		},
		{
			name: "postgres-cut-async", about: "PostgreSQL's primary is cut off while it runs, first from its asynchronous standby, which is promoted",
			run: cutPrimary, excuses: notReplicated,
		},
	}
}

// detection is the time between the loss of the primary and the promotion of the standby.
const detection = 3 * time.Second

// killPrimary kills the primary and promotes the standby.
func killPrimary(ctx context.Context, w *world) error {
	began, err := w.postgres[0].kill(ctx)
	if err != nil {
		return err
	}
	f := audit.Fault{Kind: audit.PostgresStopped, Began: began}
	if err := lifecycle.Sleep(ctx, detection); err != nil {
		return err
	}
	f.Down = time.Now()
	if err := w.promote(ctx); err != nil {
		return err
	}
	f.Over = time.Now()
	return w.over(ctx, "primary killed, standby promoted", f.Over, f)
}

// unreplicated is how long the primary still has clients when it has lost its standby.
const unreplicated = 2 * time.Second

// cutPrimary cuts the primary off from its standby and then from all nodes. The primary continues to run, and the standby is promoted. When
// the network is healed, two servers accept writes, and the old one must not get any.
func cutPrimary(ctx context.Context, w *world) error {
	old, standby := w.postgres[0], w.postgres[1]
	f := audit.Fault{Kind: audit.PostgresStopped, Began: time.Now()}
	if err := old.cut(ctx, standby.addresses()...); err != nil {
		return err
	}
	if err := lifecycle.Sleep(ctx, unreplicated); err != nil {
		return err
	}
	if err := old.cut(ctx, w.apart(old, standby)...); err != nil {
		return err
	}
	if err := lifecycle.Sleep(ctx, detection); err != nil {
		return err
	}
	if err := w.promote(ctx); err != nil {
		return err
	}
	f.Over = time.Now()
	if err := w.over(ctx, "primary cut off, standby promoted", f.Over, f); err != nil {
		return err
	}
	if err := old.heal(ctx); err != nil {
		return err
	}
	if err := w.over(ctx, "the old primary is reachable again", time.Now()); err != nil {
		return err
	}
	return w.unused(ctx, old)
}

// unused checks that no service writes to the old primary. Connections that were open when it was cut off may still end there.
func (w *world) unused(ctx context.Context, old *node) error {
	var writing int
	err := w.query(ctx, old, `SELECT count(*) FROM deliveries WHERE created_at > now() - interval '4 seconds'`, &writing)
	if err == nil && writing > 0 {
		w.Problem("%d deliveries were written to the old primary after it was reachable again", writing)
	}
	return err
}
