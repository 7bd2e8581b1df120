package local

import (
	"crypto/rand"
	"fmt"
	"sync"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"redrive/pkg/queue"
)

// startRedis starts an in-process Redis on a free port of loopback. It has a password, because every user of the machine can reach the
// port.
func startRedis() (client redis.UniversalClient, stop func() error, err error) {
	server := miniredis.NewMiniRedis()
	password := rand.Text()
	server.RequireAuth(password)
	if err := server.StartAddr(anyPort); err != nil {
		return nil, nil, fmt.Errorf("start the in-process Redis: %w", err)
	}
	client, err = queue.Connect("redis://:" + password + "@" + server.Addr())
	if err != nil {
		server.Close()
		return nil, nil, err
	}
	stopClock := passTime(server)
	return client, sync.OnceValue(func() error {
		err := client.Close()
		stopClock()
		server.Close()
		return err
	}), nil
}

// passTime advances the clock of the in-process Redis, which does not advance by itself, so that keys expire.
func passTime(server *miniredis.Miniredis) (stop func()) {
	const step = time.Second
	stopping, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		ticker := time.NewTicker(step)
		defer ticker.Stop()
		for {
			select {
			case <-stopping:
				return
			case <-ticker.C:
				server.FastForward(step)
			}
		}
	}()
	return func() {
		close(stopping)
		<-stopped
	}
}
