package queue

import (
	"time"

	"github.com/redis/go-redis/v9"
)

// ConnectWithin is ConnectTLS with another bound on what waits for an answer, and none on how long a connection may be idle.
func ConnectWithin(rawURL string, files TLSFiles, io time.Duration) (redis.UniversalClient, error) {
	return connect(rawURL, files, timeouts{dial: dialTimeout, io: io})
}

// BoundsOfACall are the longest times that a call can wait on a connection that died silently, and for another one.
func BoundsOfACall() (io, dial time.Duration) { return ioTimeout, dialTimeout }
