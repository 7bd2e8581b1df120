package nodes

import (
	"context"
	"fmt"
	"slices"
	"time"

	"redrive/deploy/chaos/internal/audit"
	"redrive/pkg/lifecycle"
)

const (
	brief = 5 * time.Second
	long  = 90 * time.Second
	// manyRetries is more than a delivery can have while one of three dispatchers does not reach the receivers.
	manyRetries = 20
)

// cutOff is what a service is cut off from.
type cutOff struct {
	name  string
	about string
	// deaf has only the packets to the service dropped.
	deaf bool
	// retries are those of a delivery. Defaults to that of the harness.
	retries int
	from    func(*world) []*node
	kinds   []audit.Kind
}

func partitionDrills() (all []drill) {
	stores := func(w *world) []*node { return slices.Concat(w.postgres, w.redis, w.sentinels) }
	redis := func(w *world) []*node { return slices.Concat(w.redis, w.sentinels) }
	postgres := func(w *world) []*node { return w.postgres }
	nothing := func(*world) []*node { return nil }
	for _, c := range []cutOff{
		{"postgres", "PostgreSQL", false, 0, postgres, []audit.Kind{audit.PostgresPartitioned}},
		{"redis", "Redis", false, 0, redis, []audit.Kind{audit.RedisPartitioned}},
		{"stores", "PostgreSQL and Redis", false, 0, stores, []audit.Kind{audit.PostgresPartitioned, audit.RedisPartitioned}},
		{"receivers", "the receivers", false, manyRetries, nothing, []audit.Kind{audit.ReceiversPartitioned}},
		{"answers", "the answers of PostgreSQL, which gets its requests", true, 0, postgres, []audit.Kind{audit.PostgresPartitioned}},
	} {
		lengths := []time.Duration{brief, long}
		if c.deaf {
			lengths = []time.Duration{20 * time.Second}
		}
		all = append(all, drill{
			name: "dispatcher-without-" + c.name, about: fmt.Sprintf("a dispatcher is cut off from %s for %v", c.about, lengths),
			shape: shape{maxRetries: c.retries},
			run: func(ctx context.Context, w *world) error {
				return each(ctx, lengths, func(length time.Duration) error { return cutDispatcher(ctx, w, c, length) })
			},
		})
	}
	return append(all, drill{
		name: "dispatcher-without-postgres-5s", about: "a dispatcher is cut off from PostgreSQL for 5 s", short: true, contained: true,
		run: func(ctx context.Context, w *world) error {
			return cutDispatcher(ctx, w, cutOff{about: "PostgreSQL", from: postgres, kinds: []audit.Kind{audit.PostgresPartitioned}}, brief)
		},
	}, drill{
		name: "api-without-stores", about: "an API process is cut off from PostgreSQL for 20 s, and from Redis for 20 s",
		run: func(ctx context.Context, w *world) error {
			if err := cutAPI(ctx, w, "PostgreSQL", audit.APIStopped, w.postgres...); err != nil {
				return err
			}
			return cutAPI(ctx, w, "Redis", audit.RedisPartitioned, redis(w)...)
		},
	})
}

// each does something for each length, with time to catch up before the next.
func each(ctx context.Context, lengths []time.Duration, do func(time.Duration) error) error {
	for i, length := range lengths {
		if i > 0 {
			if err := lifecycle.Sleep(ctx, catchUp); err != nil {
				return err
			}
		}
		if err := do(length); err != nil {
			return err
		}
	}
	return nil
}

// unaware is how long a dispatcher that is cut off from PostgreSQL may continue to begin attempts. The promise is 1 s; a request arrives at
// the receiver some time after its attempt has begun.
const unaware = 2 * time.Second

// cutDispatcher cuts one dispatcher off for a time.
func cutDispatcher(ctx context.Context, w *world, c cutOff, length time.Duration) error {
	n := w.dispatchers[0]
	from := addresses(c.from(w)...)
	if len(from) == 0 {
		from = []string{w.gateway(receivers)}
	}
	cut := n.cut
	if c.deaf {
		cut = n.deafen
	}
	began := time.Now()
	if err := cut(ctx, from...); err != nil {
		return err
	}
	severed := time.Now()
	if err := lifecycle.Sleep(ctx, length); err != nil {
		return err
	}
	// What arrives once the packets pass again may have been sent before.
	_, lastSent := w.sentBetween(0, severed, time.Now())
	late, _ := w.sentBetween(0, severed.Add(unaware), time.Now())
	if err := n.heal(ctx); err != nil {
		return err
	}
	over := time.Now()
	var faults []audit.Fault
	for _, kind := range c.kinds {
		faults = append(faults, audit.Fault{Kind: kind, Began: began, Over: over})
	}
	m := measure{what: fmt.Sprintf("dispatcher-0 cut off from %s for %s", c.about, length), since: over}
	withoutPostgres := slices.Contains(c.kinds, audit.PostgresPartitioned)
	if withoutPostgres {
		m.note = fmt.Sprintf("the last attempt began %s s after the cut", seconds(max(0, lastSent.Sub(severed))))
	}
	if _, err := w.measure(ctx, m, faults...); err != nil {
		return err
	}
	if withoutPostgres && late > 0 && !w.short {
		w.Problem("%s: it began %d attempts more than %s later", m.what, late, unaware)
	}
	return nil
}

// cutAPI cuts one API process off for a time. The proxy sends requests to the other.
func cutAPI(ctx context.Context, w *world, from string, kind audit.Kind, servers ...*node) error {
	const length = 20 * time.Second
	f := audit.Fault{Kind: kind, Began: time.Now()}
	if err := w.apis[0].cut(ctx, addresses(servers...)...); err != nil {
		return err
	}
	if err := lifecycle.Sleep(ctx, length); err != nil {
		return err
	}
	if err := w.apis[0].heal(ctx); err != nil {
		return err
	}
	f.Over = time.Now()
	return w.over(ctx, "api-0 cut off from "+from, f.Over, f)
}
