package bulkhead

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"redrive/pkg/webhook"
)

// snoozeError is the error with which a handler reschedules its task.
type snoozeError struct{ at time.Time }

func (l *snoozeError) Error() string { return "snoozed" }

// quiet is a logger for asynq that discards everything.
type quiet struct{}

func (quiet) Debug(...any) {}
func (quiet) Info(...any)  {}
func (quiet) Warn(...any)  {}
func (quiet) Error(...any) {}
func (quiet) Fatal(...any) {}

// serve runs tasks like the dispatcher's worker, with two asynq servers of which one polls often. It returns a function that stops them.
func serve(t testing.TB, client redis.UniversalClient, workers int, handle asynq.HandlerFunc) (stop func()) {
	t.Helper()
	servers := make([]*asynq.Server, 0, 2)
	for _, poll := range []time.Duration{16 * time.Millisecond, 128 * time.Millisecond} {
		server := asynq.NewServerFromRedisClient(client, asynq.Config{
			Concurrency:              workers / 2,
			Queues:                   map[string]int{webhook.QueueDeliveries: 1},
			TaskCheckInterval:        poll,
			DelayedTaskCheckInterval: 500 * time.Millisecond,
			ShutdownTimeout:          20 * time.Second,
			Logger:                   quiet{},
			IsFailure:                func(error) bool { return false },
			RetryDelayFunc: func(_ int, err error, _ *asynq.Task) time.Duration {
				var l *snoozeError
				if !errors.As(err, &l) {
					return time.Hour
				}
				wait := max(0, time.Until(l.at))
				if whole := wait.Truncate(time.Second); whole != wait {
					return whole + time.Second
				}
				return wait
			},
		})
		require.NoError(t, server.Start(handle))
		servers = append(servers, server)
	}
	return sync.OnceFunc(func() {
		for _, step := range []func(*asynq.Server){(*asynq.Server).Stop, (*asynq.Server).Shutdown} {
			var group sync.WaitGroup
			for _, server := range servers {
				group.Go(func() { step(server) })
			}
			group.Wait()
		}
	})
}
