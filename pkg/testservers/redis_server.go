package testservers

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// RedisOptions are the options of [StartRedis].
type RedisOptions struct {
	// Settings are added to the server's command line and override the defaults of this package: no persistence (save, appendonly) and no
	// eviction (maxmemory-policy noeviction).
	Settings map[string]string
	// Sentinel, if set, makes the server a sentinel with this configuration file.
	Sentinel string
}

// RedisServer is a Redis server without persistence. It is empty after Stop, Kill and Restart.
type RedisServer struct {
	server
}

// StartRedis starts a server with the installed program. The caller closes it.
func StartRedis(options RedisOptions) (*RedisServer, error) {
	path, err := findRedis()
	if err != nil {
		return nil, fmt.Errorf("%w\n%s", err, Hint())
	}
	dir, err := newDirectory("redis", nil)
	if err != nil {
		return nil, fmt.Errorf("preparing a directory for Redis: %w", err)
	}
	args := func(port int) []string { return redisArgs(dir.data(), port, options.Settings) }
	if options.Sentinel != "" {
		file := filepath.Join(dir.data(), "sentinel.conf")
		if err := os.WriteFile(file, []byte(options.Sentinel+"\n"), 0o600); err != nil {
			return nil, errors.Join(fmt.Errorf("preparing a sentinel: %w", err), dir.remove())
		}
		args = func(port int) []string {
			return append([]string{file, "--sentinel"}, redisArgs(dir.data(), port, options.Settings)...)
		}
	}
	s := &RedisServer{server{dir: dir, program: program{
		name:    "Redis",
		path:    path,
		args:    args,
		stop:    syscall.SIGTERM,
		discard: syscall.SIGKILL,
		ready:   redisReady,
	}}}
	if err := s.launch(context.Background()); err != nil {
		return nil, err
	}
	return s, nil
}

// URL returns the URL of database 0.
func (s *RedisServer) URL() string {
	return "redis://" + address(s.Port()) + "/0"
}

func redisArgs(dir string, port int, overrides map[string]string) []string {
	settings := map[string]string{
		"bind":             loopback,
		"dir":              dir,
		"save":             "",
		"appendonly":       "no",
		"maxmemory-policy": "noeviction",
	}
	maps.Copy(settings, overrides)
	args := []string{"--port", strconv.Itoa(port)}
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		args = append(args, "--"+name, settings[name])
	}
	return args
}

func redisReady(ctx context.Context, port, pid int) error {
	// go-redis logs every failed dial, and the first dials fail while the server starts.
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", address(port))
	if err != nil {
		return err
	}
	_ = conn.Close()

	client := newRedisClient(&redis.Options{Addr: address(port)})
	defer func() { _ = client.Close() }()
	info, err := client.Info(ctx, "server").Result()
	if err != nil {
		return err
	}
	if !strings.Contains(info, fmt.Sprintf("\nprocess_id:%d\r\n", pid)) {
		return errPortTaken
	}
	return nil
}

// newRedisClient returns a client for the few commands of this package. It obeys the context's deadline, does not retry, and sends no setup
// commands that only long-lived clients need.
func newRedisClient(options *redis.Options) *redis.Client {
	options.ContextTimeoutEnabled = true
	options.MaxRetries = -1
	options.DialerRetries = 1
	options.PoolSize = 1
	options.DisableIdentity = true
	options.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	return redis.NewClient(options)
}
