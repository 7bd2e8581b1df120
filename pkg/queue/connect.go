package queue

import (
	"context"
	"net"
	"time"

	"github.com/redis/go-redis/v9"
)

// Redis normally answers within a millisecond. When it does not, a longer timeout would only delay the caller's error.
const (
	dialTimeout = time.Second
	// ioTimeout is below 2 s, the most that a connection that died silently may delay a caller.
	ioTimeout = 1500 * time.Millisecond
	// idleTimeout is shorter than the idle timeouts of common proxies and firewalls.
	idleTimeout = 5 * time.Second
	maxRetries  = 1 // for a pooled connection that was closed while it was idle
	dialTries   = 1 // the default of go-redis is five dials for each command
)

// Connect returns a client for the URL. It does not connect yet. The caller closes the client; asynq does not. For rediss:// the client
// trusts the system's certificate authorities; see ConnectTLS for others.
func Connect(rawURL string) (redis.UniversalClient, error) { return ConnectTLS(rawURL, TLSFiles{}) }

// ConnectTLS is Connect with certificate files for TLS.
//
// The URL is redis://, rediss:// (TLS), redis-cluster:// or redis-sentinel://. Its user and password are those of the Redis servers, not of the sentinels.
// Several hosts in redis:// and rediss:// are nodes of one cluster. A single host may be a node of a cluster too: the client detects that
// when it connects. The README's configuration table lists the parameters.
func ConnectTLS(rawURL string, files TLSFiles) (redis.UniversalClient, error) {
	return connect(rawURL, files, timeouts{dial: dialTimeout, io: ioTimeout, idle: idleTimeout})
}

// timeouts are parameters so that tests can change them.
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
	open := newConns()
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
			return open.add(conn, addr), nil
		},
	}, nil
}
