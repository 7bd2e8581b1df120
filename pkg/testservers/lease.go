package testservers

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// leaseNumbers is how many database numbers are lent out, from 1 on; the leases themselves are kept in number 0.
	leaseNumbers = 15
	// leaseTTL is how long the number of a killed test stays taken.
	leaseTTL = 30 * time.Second
	// leaseRenewal leaves room for two renewals that fail.
	leaseRenewal = leaseTTL / 3
	// leaseWait bounds the wait for a number when all are taken.
	leaseWait = 2 * time.Minute
	// leasePoll is the pause between two looks for a free one.
	leasePoll = 50 * time.Millisecond
	// leaseCommand bounds a command, or the few that look for a free number.
	leaseCommand = 10 * time.Second
)

// renewal extends the lease if it is ours, and takes it again if it has been lost to a FLUSHALL. It returns 0 if somebody else has it.
var renewal = redis.NewScript(`
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1`)

// giveBack deletes the lease if it is ours. It returns 0 if it is not.
var giveBack = redis.NewScript(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])`)

// errLeaseLost means that another test may have been using the same number at the same time.
var errLeaseLost = errors.New("the lease ran out while it was in use")

// lease is the right to use one database number of a Redis server that others use too.
type lease struct {
	number int
	key    string
	token  string

	client *redis.Client // on number 0
	lent   *redis.Client // on the number lent
	cancel context.CancelFunc
	ended  chan error // the outcome of the renewals
}

// claim takes a free number and empties it.
func claim(options *redis.Options, wait time.Duration) (_ *lease, err error) {
	home := *options
	home.DB = 0
	l := &lease{token: rand.Text(), client: newRedisClient(&home), ended: make(chan error, 1)}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.client.Close())
		}
	}()

	for deadline := time.Now().Add(wait); ; time.Sleep(leasePoll) {
		taken, err := l.takeAny()
		if err != nil {
			return nil, err
		}
		if taken {
			break
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("all %d are still taken after %s", leaseNumbers, wait)
		}
	}

	away := *options
	away.DB = l.number
	l.lent = newRedisClient(&away)
	if err := l.empty(); err != nil {
		return nil, errors.Join(err, l.lent.Close(), l.forgo())
	}
	var renewing context.Context
	renewing, l.cancel = context.WithCancel(context.Background())
	go func() { l.ended <- l.renew(renewing) }()
	return l, nil
}

// takeAny takes the lowest number that is free, since a server may be set up with fewer than sixteen.
func (l *lease) takeAny() (bool, error) {
	ctx, cancel := context.WithTimeout(context.Background(), leaseCommand)
	defer cancel()
	for number := 1; number <= leaseNumbers; number++ {
		key := fmt.Sprintf("redrive:testservers:lease:%d", number)
		reply, err := l.client.SetArgs(ctx, key, l.token, redis.SetArgs{Mode: "NX", TTL: leaseTTL}).Result()
		switch {
		case errors.Is(err, redis.Nil):
			continue
		case err != nil:
			return false, fmt.Errorf("writing the lease: %w", err)
		case reply == "OK":
			l.number, l.key = number, key
			return true, nil
		}
	}
	return false, nil
}

// renew keeps the lease until the context ends. A single failure is no loss yet, and a paused server is what some tests are about.
func (l *lease) renew(ctx context.Context) error {
	ticker := time.NewTicker(leaseRenewal)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		bounded, cancel := context.WithTimeout(ctx, leaseCommand)
		kept, err := renewal.Run(bounded, l.client, []string{l.key}, l.token, leaseTTL.Milliseconds()).Int()
		cancel()
		if err == nil && kept == 0 {
			return errLeaseLost
		}
	}
}

// release ends the renewals, empties the number and lets others have it.
func (l *lease) release() error {
	l.cancel()
	if err := <-l.ended; err != nil {
		return errors.Join(err, l.lent.Close(), l.client.Close())
	}
	return errors.Join(l.empty(), l.lent.Close(), l.forgo(), l.client.Close())
}

func (l *lease) empty() error {
	ctx, cancel := context.WithTimeout(context.Background(), leaseCommand)
	defer cancel()
	if err := l.lent.FlushDB(ctx).Err(); err != nil {
		return fmt.Errorf("emptying database number %d: %w", l.number, err)
	}
	return nil
}

// forgo gives the number back as it is.
func (l *lease) forgo() error {
	ctx, cancel := context.WithTimeout(context.Background(), leaseCommand)
	defer cancel()
	given, err := giveBack.Run(ctx, l.client, []string{l.key}, l.token).Int()
	if err != nil {
		return fmt.Errorf("deleting the lease: %w", err)
	}
	if given == 0 {
		return errLeaseLost
	}
	return nil
}
