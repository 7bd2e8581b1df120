package queue

import (
	"time"

	"github.com/redis/go-redis/v9"
)

// ConnectWithin is ConnectTLS with another timeout for replies and dials, and no idle timeout.
func ConnectWithin(rawURL string, files TLSFiles, io time.Duration) (redis.UniversalClient, error) {
	return connect(rawURL, files, timeouts{dial: max(dialTimeout, io), io: io})
}

// BoundsOfACall returns the timeouts of a reply and of a dial.
func BoundsOfACall() (io, dial time.Duration) { return ioTimeout, dialTimeout }
