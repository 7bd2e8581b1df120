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
	// leaseNumbers is the number of databases that are leased, from database 1 on. Database 0 stores the leases.
	leaseNumbers = 15
	// leaseTTL is how long the database of a killed test stays leased.
	leaseTTL = 30 * time.Second
	// leaseRenewal is the interval of renewals. Two of them may fail before the lease expires.
	leaseRenewal = leaseTTL / 3
	// leaseWait bounds the wait for a database while all are leased.
	leaseWait = 2 * time.Minute
	// leasePoll is the interval at which a waiting test looks for a free database.
	leasePoll = 50 * time.Millisecond
	// leaseCommand bounds one command, or the few commands that look for a free database.
	leaseCommand = 10 * time.Second
)

// renewal extends the lease if it is this test's, and acquires it again if a FLUSHALL has removed it. It returns 0 if another test has it.
var renewal = redis.NewScript(`
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1`)

// giveBack deletes the lease if it is this test's. It returns 0 if it is not.
var giveBack = redis.NewScript(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])`)

// errLeaseLost means that another test may have used the same database at the same time.
var errLeaseLost = errors.New("the lease ran out while it was in use")

// lease is the exclusive right to use one database of a Redis server that other tests use too.
type lease struct {
	number int
	key    string
	token  string

	client *redis.Client // client of database 0
	lent   *redis.Client // client of the leased database
	cancel context.CancelFunc
	ended  chan error // result of the renewals
}

// claim leases a free database and empties it.
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

// takeAny leases the free database with the lowest number, since a server may have fewer than sixteen databases.
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

// renew renews the lease until the context ends. It ignores single failures, because some tests pause the server.
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

// release stops the renewals, empties the database and deletes the lease.
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

// forgo deletes the lease without emptying the database.
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
