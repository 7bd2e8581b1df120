package queuetest

import "go.uber.org/goleak"

// IgnoreDials makes goleak ignore the goroutine with which go-redis dials an unavailable Redis once a second. It ends at its next dial
// after Close.
func IgnoreDials() goleak.Option {
	return goleak.IgnoreAnyFunction("github.com/redis/go-redis/v9/internal/pool.(*ConnPool).tryDial")
}
