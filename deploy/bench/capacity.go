package bench

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"redrive/deploy/bench/report"
	"redrive/pkg/lifecycle"
)

// The rows about what one delivery takes of PostgreSQL and Redis. They are counts and bytes, which a busy machine changes little: it
// shares commits and commands among more deliveries, or among fewer.
const (
	rowCapacityWAL         = "capacity-wal"
	rowCapacityRedis       = "capacity-redis"
	rowCapacityConnections = "capacity-connections"
)

// The details of these rows.
const (
	detailPublished  = "event with its delivery"
	detailFurther    = "further delivery of the event"
	detailAttempted  = "attempt with its outcome"
	detailOneAtATime = "one at a time"
	detailScripts    = "of them scripts"
	detailBacklog    = "from the backlog"
)

const (
	// capacityAlone is how many deliveries are made one after the other.
	capacityAlone = 200
	// capacityFanout is how many endpoints get each event when further deliveries are counted.
	capacityFanout = 10
)

// capacityRows are the definitions of the rows.
func capacityRows() []report.Definition {
	connections := []report.Definition{}
	for _, process := range []string{processAPI, processDispatcher} {
		for _, server := range []string{processPostgres, processRedis} {
			connections = append(connections, report.Definition{Name: connectionsOf(process, server), Unit: "connections"})
		}
	}
	return []report.Definition{
		{
			Name: rowCapacityWAL, Unit: "bytes", Chart: chartDisk,
			Details: []report.Definition{
				{Name: detailPublished, Unit: "bytes"},
				{Name: detailFurther, Unit: "bytes"},
				{Name: detailAttempted, Unit: "bytes"},
				{Name: detailOneAtATime, Unit: "bytes"},
			},
		},
		{
			Name: rowCapacityRedis, Unit: "commands", Chart: chartRedis,
			Details: []report.Definition{{Name: detailScripts, Unit: "commands"}, {Name: detailBacklog, Unit: "commands"}},
		},
		{Name: rowCapacityConnections, Unit: "connections", Chart: chartRedis, Details: connections},
	}
}

// taken is what the stores have counted.
type taken struct {
	wal               float64 // bytes
	commands, scripts float64
}

func (t taken) since(before taken) taken {
	return taken{wal: t.wal - before.wal, commands: t.commands - before.commands, scripts: t.scripts - before.scripts}
}

// takenNow reads the counters. Reading them costs two commands of Redis, or none of PostgreSQL's log.
func (v *services) takenNow(ctx context.Context) (t taken, err error) {
	const position = "SELECT (pg_current_wal_insert_lsn() - '0/0')::float8"
	if err := v.database.pool.QueryRow(ctx, position).Scan(&t.wal); err != nil {
		return taken{}, fmt.Errorf("read the position of the WAL: %w", err)
	}
	text, err := v.redis.Info(ctx, "commandstats").Result()
	if err != nil {
		return taken{}, fmt.Errorf("read the statistics of commands from Redis: %w", err)
	}
	t.commands, t.scripts = countCommands(text)
	return t, nil
}

var commandStat = regexp.MustCompile(`(?m)^cmdstat_([^:]+):calls=(\d+)`)

// countCommands sums the calls in INFO commandstats: all of them, including those that scripts make, and the scripts.
func countCommands(text string) (commands, scripts float64) {
	for _, match := range commandStat.FindAllStringSubmatch(text, -1) {
		calls, _ := strconv.ParseFloat(match[2], 64) // they are digits
		commands += calls
		if match[1] == "evalsha" || match[1] == "eval" {
			scripts += calls
		}
	}
	return commands, scripts
}

// during returns what the stores count while work is done.
func (v *services) during(ctx context.Context, work func() error) (taken, error) {
	before, err := v.takenNow(ctx)
	if err != nil {
		return taken{}, err
	}
	if err := work(); err != nil {
		return taken{}, err
	}
	after, err := v.takenNow(ctx)
	return after.since(before), err
}

// roundCapacity publishes and delivers, and reads what the stores have counted meanwhile.
func roundCapacity(ctx context.Context, s *session) error {
	running, c, r, err := s.subscribed(ctx)
	if err != nil {
		return err
	}
	defer c.close()
	v := running.(*services)
	if err := warmUp(ctx, s, c, eventBody(eventType)); err != nil {
		return err
	}
	return errors.Join(s.capacityLive(ctx, v, c, r), s.capacityAlone(ctx, v, c, r), s.capacityApart(ctx, v, c, r), v.clear(ctx))
}

// capacityLive has events published over many connections while they are delivered.
func (s *session) capacityLive(ctx context.Context, v *services, c *customer, r *receiver) error {
	count := float64(s.amounts.capacity)
	s.progress.say("capacity: %d deliveries", s.amounts.capacity)
	connections := v.watchConnections(ctx)
	live, err := v.during(ctx, func() error {
		r.expect(s.amounts.capacity)
		_, err := publishSingles(ctx, c, s.amounts.capacity)
		return errors.Join(err, r.await(ctx, drainPatience), settled(ctx, v.store()))
	})
	most, watching := connections.end()
	if err := errors.Join(err, watching); err != nil {
		return fmt.Errorf("capacity: %w", err)
	}
	s.samples.Add(rowCapacityWAL, live.wal/count)
	s.samples.Add(rowCapacityRedis, live.commands/count)
	s.samples.Add(report.Detail(rowCapacityRedis, detailScripts), live.scripts/count)
	most.note(&s.samples)
	return nil
}

// capacityAlone makes each delivery when the last one is on record, so that no commit is shared.
func (s *session) capacityAlone(ctx context.Context, v *services, c *customer, r *receiver) error {
	s.progress.say("capacity: %d deliveries, %s", capacityAlone, detailOneAtATime)
	body := eventBody(eventType)
	alone, err := v.during(ctx, func() error {
		for range capacityAlone {
			r.expect(1)
			if _, err := c.publish(ctx, body); err != nil {
				return err
			}
			if err := errors.Join(r.await(ctx, arrivalPatience), settled(ctx, v.store())); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("capacity, %s: %w", detailOneAtATime, err)
	}
	s.samples.Add(report.Detail(rowCapacityWAL, detailOneAtATime), alone.wal/capacityAlone)
	return nil
}

// capacityApart publishes while no dispatcher runs, and delivers then. Events to several endpoints are published last.
func (s *session) capacityApart(ctx context.Context, v *services, c *customer, r *receiver) error {
	count := s.amounts.capacity
	s.progress.say("capacity: %d deliveries, published and attempted apart", count)
	if err := v.pause(ctx); err != nil {
		return err
	}
	publish := func(count int) func() error {
		return func() error { _, err := publishSingles(ctx, c, count); return err }
	}
	published, err := v.during(ctx, publish(count))
	if err != nil {
		return err
	}
	r.expect(count)
	attempted, err := v.during(ctx, func() error {
		return errors.Join(v.resume(ctx), r.await(ctx, drainPatience), settled(ctx, v.store()))
	})
	if err := errors.Join(err, v.pause(ctx)); err != nil {
		return err
	}
	for range capacityFanout - 1 {
		if _, err := c.createEndpoint(ctx, r.url(pathOK), eventType, 0); err != nil {
			return err
		}
	}
	if err := lifecycle.Sleep(ctx, time.Second); err != nil { // the API caches subscriptions for less
		return err
	}
	events := max(1, count/capacityFanout)
	spread, err := v.during(ctx, publish(events))
	if err != nil {
		return err
	}
	one := published.wal / float64(count)
	s.samples.Add(report.Detail(rowCapacityWAL, detailPublished), one)
	s.samples.Add(report.Detail(rowCapacityWAL, detailFurther), (spread.wal/float64(events)-one)/(capacityFanout-1))
	s.samples.Add(report.Detail(rowCapacityWAL, detailAttempted), attempted.wal/float64(count))
	s.samples.Add(report.Detail(rowCapacityRedis, detailBacklog), attempted.commands/float64(count))
	return nil
}
