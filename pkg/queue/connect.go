package queue

import (
	"context"
	"net"
	"time"

	"github.com/redis/go-redis/v9"
)

// Redis answers within a millisecond or is in trouble, and then no caller is served by a longer wait.
const (
	dialTimeout = time.Second
	// ioTimeout and a dial after it stay below the 2 s that a connection that died silently may cost a caller.
	ioTimeout = 1500 * time.Millisecond
	// idleTimeout is shorter than what proxies and firewalls commonly allow an idle connection.
	idleTimeout = 5 * time.Second
	maxRetries  = 1 // one, for a pooled connection that was closed while it was idle
	dialTries   = 1 // go-redis would try five times for each command
)

// Connect makes a client for the URL without connecting yet. The caller closes it: asynq is given the client and leaves it open.
// Of rediss:// it trusts the system's certificate authorities; see ConnectTLS for others.
func Connect(rawURL string) (redis.UniversalClient, error) { return ConnectTLS(rawURL, TLSFiles{}) }

// ConnectTLS is Connect with files for TLS.
//
// The forms of the URL are redis://, rediss:// (TLS) and redis-sentinel://, whose user and password are those of the Redis servers.
// Several hosts of redis:// and rediss:// are nodes of a cluster. A single one may be a node too: the client finds that out when it
// has connected. The parameters are in the configuration table of the README.
func ConnectTLS(rawURL string, files TLSFiles) (redis.UniversalClient, error) {
	return connect(rawURL, files, timeouts{dial: dialTimeout, io: ioTimeout, idle: idleTimeout})
}

// timeouts are what tests change.
type timeouts struct{ dial, io, idle time.Duration }

func connect(rawURL string, files TLSFiles, bounds timeouts) (redis.UniversalClient, error) {
	l, err := parseURL(rawURL)
	if err != nil {
		return nil, err
	}
	options, err := l.options(files, bounds)
	if err != nil {
		return nil, err
	}
	if l.master != "" || l.cluster || l.standalone {
		return redis.NewUniversalClient(options), nil
	}
	return newRedirecting(options), nil
}

func (l location) options(files TLSFiles, bounds timeouts) (*redis.UniversalOptions, error) {
	tls, err := files.config(l)
	if err != nil {
		return nil, err
	}
	dial := redis.NewDialer(&redis.Options{DialTimeout: bounds.dial, TLSConfig: tls})
	peers := newPeers()
	return &redis.UniversalOptions{
		Addrs: l.addrs, MasterName: l.master, IsClusterMode: l.cluster, DB: l.database,
		Username: l.username, Password: l.password,
		SentinelUsername: l.sentinelUsername, SentinelPassword: l.sentinelPassword,
		TLSConfig: tls,
		PoolSize:  l.poolSize,

		DialTimeout:           bounds.dial,
		DialerRetries:         dialTries,
		ReadTimeout:           bounds.io,
		WriteTimeout:          bounds.io,
		MaxRetries:            maxRetries,
		ConnMaxIdleTime:       bounds.idle,
		ContextTimeoutEnabled: true, // go-redis ignores a context's deadline without it
		Dialer: func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := dial(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			return peers.add(conn, addr), nil
		},
	}, nil
}
