package queuetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"redrive/pkg/queue/internal/keys"
)

// Location is where Redis has a task.
type Location struct {
	State  string // as the task's hash says; empty for no task
	Listed bool   // the task is in the list or sorted set of its state; an active one has a lease
	Lease  time.Time
}

// Locate reads the location of a task and changes nothing. The reads are not atomic: a task that moves meanwhile may look unlisted.
func Locate(ctx context.Context, client redis.UniversalClient, queue, id string) (Location, error) {
	k := keys.Of(queue)
	state, err := client.HGet(ctx, k.Task(id), "state").Result()
	if err != nil {
		return Location{}, ignoreNil("read a task", err)
	}
	location := Location{State: state}
	switch state {
	case "pending":
		err = client.LPos(ctx, k.Pending, id, redis.LPosArgs{}).Err()
	case "active":
		var end float64
		end, err = client.ZScore(ctx, k.Lease, id).Result()
		location.Lease = time.Unix(int64(end), 0)
	default:
		set, known := map[string]string{"scheduled": k.Scheduled, "retry": k.Retry, "archived": k.Archived, "completed": k.Completed}[state]
		if !known {
			return location, nil
		}
		err = client.ZScore(ctx, set, id).Err()
	}
	location.Listed = err == nil
	return location, ignoreNil("find a task in its queue", err)
}

func ignoreNil(doing string, err error) error {
	if err == nil || errors.Is(err, redis.Nil) {
		return nil
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// IDs scans Redis for all tasks of a queue, in any state, and calls each with the ID of each. It ends at the first error.
func IDs(ctx context.Context, client redis.UniversalClient, queue string, each func(id string) error) error {
	const scanCount = 1000
	prefix := keys.Of(queue).Task("")
	tasks := client.Scan(ctx, 0, prefix+"*", scanCount).Iterator()
	for tasks.Next(ctx) {
		if err := each(strings.TrimPrefix(tasks.Val(), prefix)); err != nil {
			return err
		}
	}
	if err := tasks.Err(); err != nil {
		return fmt.Errorf("scan the tasks of the queue: %w", err)
	}
	return nil
}
