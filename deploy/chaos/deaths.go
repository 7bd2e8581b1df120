package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"redrive/deploy/chaos/internal/audit"
	"redrive/deploy/chaos/internal/await"
	"redrive/deploy/chaos/internal/receiver"
	"redrive/deploy/stack/process"
	"redrive/pkg/lifecycle"
)

// rollingUpdate stops one service after the other with SIGTERM and starts it again.
func (r *run) rollingUpdate(ctx context.Context) error {
	for number, s := range r.dispatchers {
		if err := r.replace(ctx, s, audit.Fault{Kind: audit.DispatcherStopped, Dispatcher: number}); err != nil {
			return err
		}
	}
	return r.replace(ctx, r.api, audit.Fault{Kind: audit.APIStopped})
}

func (r *run) replace(ctx context.Context, s *process.Service, f audit.Fault) error {
	f.Began = time.Now()
	if err := s.Stop(); err != nil {
		r.Problem("a clean stop: %v", err)
	}
	f.Over = time.Now()
	r.Fault(f)
	if err := s.Start(nil); err != nil {
		return err
	}
	return lifecycle.Sleep(ctx, updatePause)
}

const (
	// updatePause lets a new process become active before the next one is stopped.
	updatePause = time.Second
	// deathTime is the time between a kill and the next start. Requests of the killed process have then been read, so that none is
	// attributed to its successor.
	deathTime = 500 * time.Millisecond
	// busyPatience is how long the harness waits for a dispatcher to have a request in flight.
	busyPatience = time.Second
)

func (r *run) killDispatchers(ctx context.Context, random *rand.Rand) error {
	return r.killEvery(ctx, random, r.options.kills())
}

// killEvery kills a random dispatcher every two seconds, during a request if there is one, and starts it again.
func (r *run) killEvery(ctx context.Context, random *rand.Rand, count int) error {
	ticker := time.NewTicker(killInterval)
	defer ticker.Stop()
	for range count {
		number := random.IntN(len(r.dispatchers))
		if err := r.killBusy(ctx, number); err != nil {
			return err
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// killBusy kills a dispatcher while the receiver holds the answer to a request of it. It does not wait long for a request: during an outage, no
// dispatcher sends any. A short run has no outage then, and needs a request without a record.
func (r *run) killBusy(ctx context.Context, number int) error {
	hold := r.receiver.Hold(number, 1)
	defer hold.Release()
	patience := busyPatience
	if r.options.Short {
		patience = sendPatience
	}
	full, err := filled(ctx, hold, patience)
	if err != nil {
		return err
	}
	if !full && r.options.Short {
		r.Problem("dispatcher %d was not seen sending a delivery within %s", number, patience)
	}
	return r.kill(ctx, r.dispatchers[number], audit.Fault{Kind: audit.DispatcherKilled, Dispatcher: number})
}

// filled waits until a hold has its requests, and reports whether it got them.
func filled(ctx context.Context, hold *receiver.Hold, patience time.Duration) (full bool, err error) {
	waiting := time.NewTimer(patience)
	defer waiting.Stop()
	select {
	case <-hold.Full():
		return true, nil
	case <-waiting.C:
		return false, nil
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

func (r *run) killAPI(ctx context.Context) error {
	return r.kill(ctx, r.api, audit.Fault{Kind: audit.APIKilled})
}

func (r *run) kill(ctx context.Context, s *process.Service, f audit.Fault) error {
	if !s.Running() {
		r.Problem("%s ended by itself; the end of its log:\n%s", s.Name(), s.LogEnd())
	}
	f.Began = time.Now()
	if err := s.Kill(); err != nil {
		return err
	}
	if err := lifecycle.Sleep(ctx, deathTime); err != nil {
		return err
	}
	f.Over = time.Now()
	r.Fault(f)
	return s.Start(nil)
}

// freeze suspends a dispatcher for longer than its leases last, and resumes it.
func (r *run) freeze(ctx context.Context, random *rand.Rand) error {
	return r.frozen(random.IntN(len(r.dispatchers)), func() error { return lifecycle.Sleep(ctx, freezeTime) })
}

// frozen calls a function while a dispatcher is suspended.
func (r *run) frozen(number int, do func() error) error {
	s := r.dispatchers[number]
	f := audit.Fault{Kind: audit.DispatcherFrozen, Dispatcher: number, Began: time.Now()}
	if err := s.Freeze(); err != nil {
		return fmt.Errorf("freeze %s: %w", s.Name(), err)
	}
	failed := do()
	f.Over = time.Now()
	r.Fault(f)
	return errors.Join(failed, s.Thaw())
}

const (
	// held is the number of requests that a dispatcher has in flight when it is suspended.
	held = 3
	// outrunPatience is how long the other dispatchers may take to complete these deliveries. They detect an emptied queue within seconds.
	outrunPatience = 2 * time.Minute
	// lateTime is the time for the late outcomes to be written.
	lateTime = 2 * time.Second
)

// outrunFrozen suspends a dispatcher while the receiver holds its requests, and empties the queue so that the others send the same
// deliveries. It resumes the dispatcher when they have. Its outcomes are then late and must overwrite nothing.
func (r *run) outrunFrozen(ctx context.Context, random *rand.Rand) error {
	number := random.IntN(len(r.dispatchers))
	hold := r.receiver.Hold(number, held)
	defer hold.Release()
	full, err := filled(ctx, hold, sendPatience)
	if err != nil {
		return err
	}
	if !full {
		r.Problem("dispatcher %d was not seen sending %d deliveries within %s", number, held, sendPatience)
		return nil
	}
	err = r.frozen(number, func() error {
		f := audit.Fault{Kind: audit.RedisFlushed, Began: time.Now()}
		if err := r.cache.FlushAll(ctx).Err(); err != nil {
			return fmt.Errorf("flush Redis: %w", err)
		}
		f.Over = time.Now()
		r.Fault(f)
		defer hold.Release()
		err := await.Until(ctx, outrunPatience, func() (bool, error) { return r.moved(ctx, hold.Held()) })
		if errors.Is(err, await.ErrPatience) {
			r.Problem("what dispatcher %d was frozen with was not made by another within %s", number, outrunPatience)
			return nil
		}
		return err
	})
	if err != nil {
		return err
	}
	return lifecycle.Sleep(ctx, lateTime)
}

// moved reports whether each of the deliveries has a recorded attempt.
func (r *run) moved(ctx context.Context, ids []string) (bool, error) {
	var unmoved int
	err := r.database.QueryRow(ctx, "SELECT count(*) FROM deliveries WHERE id = ANY($1) AND attempt_count = 0", ids).Scan(&unmoved)
	return err == nil && unmoved == 0, err
}

// storm kills dispatchers while Redis is killed and then flushed, and PostgreSQL is stopped. The seed determines the order.
func (r *run) storm(ctx context.Context, random *rand.Rand) error {
	var group sync.WaitGroup
	var killed error
	killer := rand.New(rand.NewPCG(random.Uint64(), 0))
	group.Go(func() { killed = r.killEvery(ctx, killer, int(stormTime/killInterval)) })
	others := []action{killRedis, flushRedis, stopPostgres}
	random.Shuffle(len(others), func(i, j int) { others[i], others[j] = others[j], others[i] })
	var failed error
	for _, a := range others {
		if failed = lifecycle.Sleep(ctx, downtime(random)); failed == nil {
			failed = r.do(ctx, a, random)
		}
		if failed != nil {
			break
		}
	}
	group.Wait()
	return errors.Join(failed, killed)
}
