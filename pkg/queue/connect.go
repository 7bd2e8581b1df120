package queue

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Redis answers within a millisecond or is in trouble, and then nobody is served by waiting for it.
const (
	dialTimeout = time.Second
	ioTimeout   = 2 * time.Second
	maxRetries  = 1 // one, for a pooled connection that was closed while it was idle
	dialTries   = 1 // go-redis would try five times for each command
)

// errURL never quotes the URL: it may hold a password.
var errURL = errors.New("REDIS_URL must be redis://[user:password@]host:port[/database], the same with rediss:// for TLS, " +
	"or redis-sentinel://[user:password@]host:port[,host:port…][/database]?master=name")

// Connect makes a client for the URL without connecting yet. Whoever calls it closes it: asynq is given the client and
// leaves it open. The forms are redis://, rediss:// (TLS) and redis-sentinel://, whose user and password are those of the
// Redis servers; the query parameters sentinel_user and sentinel_password are those of the sentinels.
func Connect(rawURL string) (redis.UniversalClient, error) {
	options, err := parse(rawURL)
	if err != nil {
		return nil, err
	}
	options.DialTimeout = dialTimeout
	options.DialerRetries = dialTries
	options.ReadTimeout = ioTimeout
	options.WriteTimeout = ioTimeout
	options.MaxRetries = maxRetries
	options.ContextTimeoutEnabled = true // go-redis ignores a context's deadline without it
	return redis.NewUniversalClient(options), nil
}

func parse(rawURL string) (*redis.UniversalOptions, error) {
	if strings.HasPrefix(rawURL, "redis-sentinel://") {
		return parseSentinel(rawURL)
	}
	parsed, err := redis.ParseURL(rawURL)
	if err != nil || !isAddr(parsed.Addr) { // a path, of unix://, is what UniversalOptions could not tell from it
		return nil, errURL
	}
	return &redis.UniversalOptions{
		Addrs:     []string{parsed.Addr},
		Username:  parsed.Username,
		Password:  parsed.Password,
		DB:        parsed.DB,
		TLSConfig: parsed.TLSConfig,
		PoolSize:  parsed.PoolSize,
	}, nil
}

// parseSentinel reads the URL by hand in part: several hosts with ports in one authority are more than net/url takes.
func parseSentinel(rawURL string) (*redis.UniversalOptions, error) {
	authority, rest, _ := strings.Cut(strings.TrimPrefix(rawURL, "redis-sentinel://"), "/")
	if rest == "" {
		authority, rest, _ = strings.Cut(authority, "?")
		rest = "?" + rest
	}
	credentials, hosts, found := cutLast(authority, "@")
	if !found {
		hosts = authority
	}
	u, err := url.Parse("redis-sentinel://" + strings.TrimPrefix(credentials+"@", "@") + "sentinels/" + rest)
	if err != nil {
		return nil, errURL
	}
	options := &redis.UniversalOptions{
		MasterName:       u.Query().Get("master"),
		Username:         u.User.Username(),
		SentinelUsername: u.Query().Get("sentinel_user"),
		SentinelPassword: u.Query().Get("sentinel_password"),
	}
	options.Password, _ = u.User.Password()
	if options.MasterName == "" {
		return nil, errURL
	}
	if database := strings.Trim(u.Path, "/"); database != "" {
		if options.DB, err = strconv.Atoi(database); err != nil || options.DB < 0 {
			return nil, errURL
		}
	}
	if u.Query().Get("tls") == "true" {
		options.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	for host := range strings.SplitSeq(hosts, ",") {
		if !isAddr(host) {
			return nil, fmt.Errorf("%w: a sentinel is not host:port", errURL)
		}
		options.Addrs = append(options.Addrs, host)
	}
	return options, nil
}

func isAddr(s string) bool {
	host, port, err := net.SplitHostPort(s)
	if err != nil || host == "" {
		return false
	}
	number, err := strconv.ParseUint(port, 10, 16)
	return err == nil && number > 0
}

func cutLast(s, separator string) (before, after string, found bool) {
	if i := strings.LastIndex(s, separator); i >= 0 {
		return s[:i], s[i+len(separator):], true
	}
	return "", s, false
}
