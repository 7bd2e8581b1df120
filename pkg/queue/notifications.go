package queue

import (
	"context"

	"github.com/redis/go-redis/v9"
)

// Notifications subscribes to the notification that work was enqueued while a dispatcher was idle. The channel holds at most one. The
// connection is made again after a fault, and notifications in between are lost, so that a caller also polls. The stop function ends
// the subscription and closes the channel.
func (l *Lanes) Notifications(ctx context.Context) (notified <-chan struct{}, stop func() error) {
	subscription := l.redis.Subscribe(ctx, wakeChannel)
	messages := subscription.Channel(redis.WithChannelSize(1))
	out := make(chan struct{}, 1)
	go func() {
		defer close(out)
		for range messages {
			select {
			case out <- struct{}{}:
			default:
			}
		}
	}()
	return out, subscription.Close
}
