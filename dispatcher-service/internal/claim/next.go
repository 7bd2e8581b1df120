package claim

import (
	"context"
	"time"

	"redrive/pkg/queue"
)

// next returns a task, or false if there is none within patience or the Claimer is closed.
func (c *Claimer) next(ctx context.Context) (queue.Taken, bool, error) {
	deadline := time.Now().Add(patience)
	for {
		s := c.step()
		if s.closed || s.found {
			return s.taken, s.found, nil
		}
		if s.look > 0 {
			found, err := c.look(ctx, s.look)
			if err != nil {
				return queue.Taken{}, false, err
			}
			if found {
				continue
			}
		}
		if !time.Now().Before(deadline) {
			return queue.Taken{}, false, nil
		}
		s.wait(deadline)
	}
}

// step is what a dequeue does next: return a task, look for some, or wait.
type step struct {
	closed  bool
	found   bool
	taken   queue.Taken
	look    int             // for how many tasks; 0 is not now
	changed <-chan struct{} // closed when another step may do more; taken before the look, so that nothing is missed during it
	again   time.Time       // when the next look is due without a change
}

func (c *Claimer) step() step {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.closed {
		return step{closed: true}
	}
	if len(c.ready) > 0 {
		taken := c.ready[0]
		c.ready = c.ready[1:]
		return step{found: true, taken: taken}
	}
	s := step{changed: c.changed, again: c.looks.again}
	if room := c.room(); room > 0 && c.looks.begin(time.Now()) {
		s.look = room
	}
	return s
}

// wait returns when another step may do more, at the latest at the deadline.
func (s step) wait(deadline time.Time) {
	until := deadline
	if s.again.Before(until) && s.look == 0 {
		until = s.again
	}
	timer := time.NewTimer(max(leastWait, time.Until(until)))
	defer timer.Stop()
	select {
	case <-s.changed:
	case <-timer.C:
	}
}

// leastWait keeps dequeues from spinning while a look is due and there is no room for it.
const leastWait = 10 * time.Millisecond

// room returns how many tasks are taken now. It is 0 until the Load has room for takeAtLeast, or for as many as workers are free: a look
// for each delivery that ends would cost a busy dispatcher more than the deliveries.
func (c *Claimer) room() int {
	free := max(0, min(takeAtOnce, c.options.Workers-len(c.held)))
	room := c.load.Room()
	if room < min(free, takeAtLeast) {
		return 0
	}
	return min(free, room)
}

// look takes tasks. Those that wait for its end look at what it found.
func (c *Claimer) look(ctx context.Context, n int) (found bool, err error) {
	c.mutex.Lock()
	chosen := c.chooser.choose(n + c.passed)
	c.mutex.Unlock()
	taking, err := c.options.Lanes.Take(ctx, c.options.Queue, n, chosen)
	if err != nil {
		c.refused()
		return false, err
	}
	back, more := c.takeOver(n, chosen, taking)
	if len(taking.Tasks) > 0 {
		c.announce()
	}
	if more {
		c.reader.look()
	}
	if len(back) > 0 {
		c.handBack(ctx, back)
	}
	return len(taking.Tasks) > 0, nil
}

// announce wakes those that wait: there are tasks.
func (c *Claimer) announce() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.broadcast()
}

// refused notes that a look has failed: the next is not delayed.
func (c *Claimer) refused() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.looks.end(time.Now(), queue.Taking{}, false)
}

// takeOver notes what a look for n tasks has found. It returns the tasks to hand back, because the Claimer was closed meanwhile, and
// whether the reader has to read.
func (c *Claimer) takeOver(n int, chosen []queue.Candidate, taking queue.Taking) (back []queue.Taken, more bool) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.metrics.count(taking)
	c.chooser.settle(chosen, taking.Fates)
	c.passed = 0
	for i, fate := range taking.Fates {
		switch fate {
		case queue.NoBacklog:
			c.chooser.close(chosen[i].Lane)
		case queue.Passed:
			c.passed = min(c.passed+1, mostPassed)
		case queue.Claimed, queue.HasTask:
		}
	}
	for _, t := range taking.Tasks {
		c.hold(t)
	}
	c.looks.end(time.Now(), taking, len(taking.Tasks) < n && !c.chooser.waiting())
	if taking.Added < c.added && c.options.Emptied != nil { // otherwise it only grows
		c.options.Emptied()
	}
	more = c.chooser.low(lowWater) || taking.Added != c.added
	c.added = taking.Added
	if c.closed {
		return taking.Tasks, more
	}
	c.ready = append(c.ready, taking.Tasks...)
	return nil, more
}

// mayForward reports whether a scheduled or retry task may be due.
func (c *Claimer) mayForward() bool {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.looks.forwards(time.Now())
}

// changedLater notes that a script may have scheduled a task.
func (c *Claimer) changedLater() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.looks.changed()
}
