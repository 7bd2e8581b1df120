// Package load publishes events to a running API until they are accepted, and records the accepted deliveries.
package load

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

// Load publishes each event until it is accepted: until a 2xx. All its methods are safe for concurrent use.
type Load struct {
	url           string
	client        *http.Client
	organizations []Organization

	mutex     sync.Mutex
	accepted  []string
	answers   []answered
	refusal   string   // the last of them
	refusals  int      // answers with Retry-After, and exchanges that were interrupted
	oddities  []string // unexpected answers
	oddCount  int
	published int
}

// New makes a load for an API at a base URL.
func New(url string, client *http.Client, organizations []Organization) *Load {
	return &Load{url: url, client: client, organizations: organizations}
}

// answered is an accepted publication.
type answered struct {
	at   time.Time
	took time.Duration
}

// tailPause is the time between two publications of the last tenth of the deliveries. On a slow machine faults take several times as long
// as planned, and each needs deliveries.
const tailPause = time.Second

const (
	publishers     = 16
	publishTimeout = 15 * time.Second
	maxOddities    = 5
)

// NewClient makes a client for a load.
func NewClient() *http.Client {
	return &http.Client{Timeout: publishTimeout, Transport: &http.Transport{MaxIdleConnsPerHost: publishers}}
}

// Publish publishes until the given number of deliveries is accepted, evenly over a time. Publications that an outage delayed follow as
// soon as it is over. The last tenth is published slowly, until hurry is closed.
func (l *Load) Publish(ctx context.Context, deliveries int, over time.Duration, hurry <-chan struct{}) {
	jobs := make(chan Organization)
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

func (l *Load) pace(ctx context.Context, deliveries int, over time.Duration, hurry <-chan struct{}, jobs chan<- Organization) {
	due := time.Now()
	shares := make([]int, len(l.organizations))
	for sent := 0; sent < deliveries; {
		turn := l.turn(shares, deliveries-sent)
		o := l.organizations[turn]
		timer := time.NewTimer(time.Until(due))
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
		sent += o.deliveries()
		shares[turn] += o.deliveries()
		wait := over * time.Duration(o.deliveries()) / time.Duration(deliveries)
		if sent > deliveries-deliveries/10 {
			wait = max(wait, min(tailPause, over))
		}
		due = due.Add(wait)
	}
}

// turn returns the organization with the fewest deliveries so far, among those whose next request does not exceed the remaining number.
func (l *Load) turn(shares []int, left int) (turn int) {
	turn = -1
	for i, o := range l.organizations {
		if o.deliveries() <= left && (turn < 0 || shares[i] < shares[turn]) {
			turn = i
		}
	}
	return turn
}

// until publishes until the event is accepted.
func (l *Load) until(ctx context.Context, o Organization) {
	path, body, read := l.request(o)
	for ctx.Err() == nil {
		began := time.Now()
		answer := read()
		status, err := Call(ctx, l.client, l.url+Path+path, o.Key, body, answer)
		if status == http.StatusOK && err == nil {
			l.accept(answer.ids(), o, began)
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

// event returns a body that differs from all others.
func (l *Load) event() string {
	l.mutex.Lock()
	l.published++
	number := l.published
	l.mutex.Unlock()
	body, _ := json.Marshal(map[string]any{ // it cannot fail
		"eventType": "run.finished", "runId": fmt.Sprintf("run-%d", number), "data": map[string]any{"number": number, "note": "chaos"},
	})
	return string(body)
}

func (l *Load) accept(ids []string, o Organization, began time.Time) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.answers = append(l.answers, answered{began, time.Since(began)})
	l.accepted = append(l.accepted, ids...)
	if len(ids) != o.deliveries() {
		l.odd("%d events for %d endpoints were accepted with %d deliveries", o.Burst, o.Endpoints, len(ids))
	}
}

// refused records why an event must be published again. An unavailable or overloaded API is expected, and so are a proxy's 502 and 504.
// Anything else is reported.
func (l *Load) refused(status int, err error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	switch status {
	case 0, http.StatusServiceUnavailable, http.StatusTooManyRequests, http.StatusBadGateway, http.StatusGatewayTimeout:
		l.refusals++
		l.refusal = fmt.Sprintf("answered %d (%v)", status, err)
	default:
		l.odd("publishing was answered %d (%v)", status, err)
	}
}

// odd is called with the load locked.
func (l *Load) odd(format string, args ...any) {
	l.oddCount++
	if len(l.oddities) < maxOddities {
		l.oddities = append(l.oddities, fmt.Sprintf(format, args...))
	}
}

// Organizations returns the publishing organizations.
func (l *Load) Organizations() []Organization { return slices.Clone(l.organizations) }

// Count returns the number of deliveries accepted so far.
func (l *Load) Count() int {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return len(l.accepted)
}

// Accepted returns the deliveries accepted so far.
func (l *Load) Accepted() []string {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return slices.Clone(l.accepted)
}

// AcceptedAfter reports whether a publication that began after a time was accepted.
func (l *Load) AcceptedAfter(at time.Time) bool {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return slices.ContainsFunc(l.answers, func(a answered) bool { return a.at.After(at) })
}

// Refusals returns the number of publications that were refused or interrupted, and repeated.
func (l *Load) Refusals() int {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.refusals
}

// LastRefusal returns why a publication was last refused or interrupted.
func (l *Load) LastRefusal() string {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.refusal
}

// Oddities returns the number of unexpected answers, and the first of them.
func (l *Load) Oddities() (count int, examples []string) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.oddCount, slices.Clone(l.oddities)
}

// Times returns the longest duration of the publications that the filter selects by their start, and the median of all.
func (l *Load) Times(within func(time.Time) bool) (longest, median time.Duration) {
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
