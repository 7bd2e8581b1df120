package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"redrive/deploy/bench/report"
	"redrive/pkg/webhook"
)

const (
	// dispatcherServers is the number of asynq servers in a dispatcher. The workers of the baselines have as many.
	dispatcherServers = 2
	// dispatcherConcurrency is the dispatcher's default concurrency.
	dispatcherConcurrency = 200
	// detailOneServer is the same measurement with one asynq server in the process.
	detailOneServer = "1 server"

	baselineQueue = "bench"
	baselineTask  = "bench:task"
)

// roundAsynq measures asynq alone, and asynq with one request for each task.
func roundAsynq(ctx context.Context, s *session) error {
	for _, kind := range []struct {
		row   string
		count int
		job   job
	}{
		{row: rowNoop, count: s.amounts.drain},
		{row: rowPost, count: s.amounts.post, job: job{Post: true}},
	} {
		if !s.wants(kind.row) {
			continue
		}
		for servers := 1; servers <= dispatcherServers; servers++ {
			s.progress.say("%s: %d tasks, %d server(s) in the process", kind.row, kind.count, servers)
			kind.job.Servers = servers
			done, err := s.work(ctx, kind.job, newTaskIDs(kind.count))
			if err != nil {
				return fmt.Errorf("%s: %w", kind.row, err)
			}
			if servers == 1 {
				s.samples.Add(report.Detail(kind.row, detailOneServer), done.rate())
				continue
			}
			done.note(&s.samples, kind.row)
		}
	}
	return nil
}

// work enqueues tasks and lets a worker process handle them.
func (s *session) work(ctx context.Context, j job, ids []string) (done worked, err error) {
	if j.Redis == "" {
		if j.Redis, err = s.servers.redisURL(redisBaseline); err != nil {
			return worked{}, err
		}
	}
	r, err := s.servers.receiver()
	if err != nil {
		return worked{}, err
	}
	if j.Post {
		j.URL = r.url(pathOK)
		r.expect(len(ids))
	}
	j.Count, j.Concurrency = len(ids), dispatcherConcurrency
	if err := enqueue(ctx, j.Redis, ids); err != nil {
		return worked{}, err
	}
	if done, err = runWorker(ctx, j); err != nil {
		return worked{}, err
	}
	if arrived := r.count(); j.Post && arrived != len(ids) {
		return worked{}, fmt.Errorf("%d of %d requests arrived", arrived, len(ids))
	}
	return done, nil
}

// enqueue fills an empty queue as the API does: the payload of a task is its ID, and the task's ID is the same.
func enqueue(ctx context.Context, url string, ids []string) error {
	options, err := redis.ParseURL(url)
	if err != nil {
		return fmt.Errorf("read the address of Redis: %w", err)
	}
	client := redis.NewClient(options)
	defer func() { _ = client.Close() }()
	if err := client.FlushDB(ctx).Err(); err != nil {
		return fmt.Errorf("empty the queue: %w", err)
	}
	tasks := asynq.NewClientFromRedisClient(client)
	_, err = closedLoop(ctx, publishConnections, len(ids), func(ctx context.Context, _, i int) error {
		id := ids[i]
		_, err := tasks.EnqueueContext(ctx, asynq.NewTask(baselineTask, []byte(id)),
			asynq.TaskID(id), asynq.Queue(baselineQueue), asynq.MaxRetry(1), asynq.Timeout(time.Hour))
		if err != nil {
			return fmt.Errorf("enqueue a task: %w", err)
		}
		return nil
	})
	return err
}

// newTaskIDs returns IDs in the form of delivery IDs.
func newTaskIDs(count int) []string {
	ids := make([]string, count)
	now := time.Now()
	for i := range ids {
		ids[i] = webhook.NewID(webhook.KindDelivery, now)
	}
	return ids
}
