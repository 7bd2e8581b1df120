package chaos

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"
)

// load publishes, again and again until it has an answer: what was answered 2xx is accepted.
type load struct {
	url           string
	client        *http.Client
	organizations []organization

	mutex     sync.Mutex
	accepted  []string
	answers   []answered
	refusals  int      // answers that asked to come back later, and exchanges that broke off
	oddities  []string // answers that nobody has a reason to give
	oddCount  int
	published int
}

// answered is a publication that was accepted.
type answered struct {
	at   time.Time
	took time.Duration
}

const (
	publishers     = 16
	publishTimeout = 15 * time.Second
	maxOddities    = 5
	// spread is the part of the planned time that the load is spread over: faults can take longer than planned, and it has to
	// be there until the last.
	spread = 1.1
)

func newClient() *http.Client {
	return &http.Client{Timeout: publishTimeout, Transport: &http.Transport{MaxIdleConnsPerHost: publishers}}
}

// publish has as many deliveries accepted as are wanted, evenly over a time, and what an outage has held up at once when it is
// over. Once hurry is closed it no longer takes its time.
func (l *load) publish(ctx context.Context, deliveries int, over time.Duration, hurry <-chan struct{}) {
	jobs := make(chan organization)
	var group sync.WaitGroup
	for range publishers {
		group.Go(func() {
			for o := range jobs {
				l.until(ctx, o)
			}
		})
	}
	l.pace(ctx, deliveries, over, hurry, jobs)
	close(jobs)
	group.Wait()
}

func (l *load) pace(ctx context.Context, deliveries int, over time.Duration, hurry <-chan struct{}, jobs chan<- organization) {
	began := time.Now()
	for sent, turn := 0, 0; sent < deliveries; turn++ {
		o := l.organizations[turn%len(l.organizations)]
		if o.endpoints > deliveries-sent {
			o = l.organizations[0]
		}
		timer := time.NewTimer(time.Until(began.Add(over * time.Duration(sent) / time.Duration(deliveries))))
		select {
		case <-timer.C:
		case <-hurry:
			timer.Stop()
		case <-ctx.Done():
			timer.Stop()
			return
		}
		select {
		case jobs <- o:
		case <-ctx.Done():
			return
		}
		sent += o.endpoints
	}
}

// until publishes one event until it is accepted.
func (l *load) until(ctx context.Context, o organization) {
	for ctx.Err() == nil {
		began := time.Now()
		var made struct{ Deliveries []struct{ ID string } }
		status, err := call(ctx, l.client, l.url+api+"/events", o.key, l.event(), &made)
		if status == http.StatusOK && err == nil {
			l.accept(made.Deliveries, o, began)
			return
		}
		l.refused(status, err)
		pause := time.NewTimer(50*time.Millisecond + rand.N(150*time.Millisecond))
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
		}
	}
}

// event is a body that no other event has.
func (l *load) event() string {
	l.mutex.Lock()
	l.published++
	number := l.published
	l.mutex.Unlock()
	body, _ := json.Marshal(map[string]any{ // it cannot fail
		"eventType": "run.finished", "runId": fmt.Sprintf("run-%d", number), "data": map[string]any{"number": number, "note": "chaos"},
	})
	return string(body)
}

func (l *load) accept(deliveries []struct{ ID string }, o organization, began time.Time) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.answers = append(l.answers, answered{began, time.Since(began)})
	for _, d := range deliveries {
		l.accepted = append(l.accepted, d.ID)
	}
	if len(deliveries) != o.endpoints {
		l.odd("an event for %d endpoints was accepted with %d deliveries", o.endpoints, len(deliveries))
	}
}

// refused notes why an event has to be published again. Away and overloaded are fine; anything else is not.
func (l *load) refused(status int, err error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	switch status {
	case 0, http.StatusServiceUnavailable, http.StatusTooManyRequests:
		l.refusals++
	default:
		l.odd("publishing was answered %d (%v)", status, err)
	}
}

// odd is called with the load locked.
func (l *load) odd(format string, args ...any) {
	l.oddCount++
	if len(l.oddities) < maxOddities {
		l.oddities = append(l.oddities, fmt.Sprintf(format, args...))
	}
}

// count is how many deliveries are accepted so far.
func (l *load) count() int {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return len(l.accepted)
}

// times are the longest that a publication took which began at certain times, and the median of all.
func (l *load) times(within func(time.Time) bool) (longest, median time.Duration) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	var all []time.Duration
	for _, a := range l.answers {
		all = append(all, a.took)
		if within(a.at) {
			longest = max(longest, a.took)
		}
	}
	if len(all) == 0 {
		return 0, 0
	}
	slices.Sort(all)
	return longest, all[len(all)/2]
}
