package testservers

import (
	"fmt"
	"net/url"
	"os"
	"testing"

	"github.com/redis/go-redis/v9"
)

const redisURLVariable = "TEST_REDIS_URL"

// Redis returns the URL of an empty database that no other test uses until the test ends. It leases a database of the server at
// TEST_REDIS_URL and may wait for another test to release one. Without TEST_REDIS_URL, it starts a server.
func Redis(tb testing.TB) string {
	tb.Helper()
	if address := os.Getenv(redisURLVariable); address != "" {
		return lentRedis(tb, address)
	}
	server, err := StartRedis(RedisOptions{})
	if err != nil {
		tb.Fatalf("testservers: %v", err)
	}
	tb.Cleanup(func() {
		if err := server.Close(); err != nil {
			tb.Errorf("testservers: %v", err)
		}
	})
	return server.URL()
}

func lentRedis(tb testing.TB, address string) string {
	tb.Helper()
	location, options, err := parseRedisURL(address)
	if err != nil {
		tb.Fatalf("testservers: %v", err)
	}
	lease, err := claim(options, leaseWait)
	if err != nil {
		tb.Fatalf("testservers: claiming a database number of %s: %v", redisURLVariable, err)
	}
	tb.Cleanup(func() {
		if err := lease.release(); err != nil {
			tb.Errorf("testservers: giving back database number %d of %s: %v", lease.number, redisURLVariable, err)
		}
	})
	location.Path = fmt.Sprintf("/%d", lease.number)
	return location.String()
}

// parseRedisURL parses the URL. Its errors do not contain the URL, which may contain a password.
func parseRedisURL(address string) (*url.URL, *redis.Options, error) {
	location, err := url.Parse(address)
	if err != nil || (location.Scheme != "redis" && location.Scheme != "rediss") {
		return nil, nil, fmt.Errorf("%s is not a redis:// or rediss:// URL", redisURLVariable)
	}
	options, err := redis.ParseURL(address)
	if err != nil {
		return nil, nil, fmt.Errorf("%s cannot be read as a Redis URL", redisURLVariable)
	}
	return location, options, nil
}
