package nodes

import (
	"context"
	"net/http"
	"sync"
	"time"

	"redrive/deploy/chaos/internal/audit"
	"redrive/deploy/chaos/internal/load"
	"redrive/deploy/chaos/internal/receiver"
	"redrive/pkg/lifecycle"
)

const (
	retryInterval = 250 * time.Millisecond
	// retryTimeout is longer than the API takes to answer that the database is unavailable.
	retryTimeout = 15 * time.Second
)

// retries makes one call to retry each delivery that its receiver always refuses, after the delivery has failed, and records the answers.
type retries struct {
	url    string
	client *http.Client
	keys   []string

	mutex sync.Mutex
	calls []audit.Retry
}

func newRetries(url string, client *http.Client, customers []load.Organization) *retries {
	r := &retries{url: url, client: client}
	for _, customer := range customers {
		r.keys = append(r.keys, customer.Key)
	}
	return r
}

// run makes the calls until the context ends. Each delivery is retried once: a call whose answer was lost is not repeated.
func (r *retries) run(ctx context.Context, published *load.Load) {
	done := map[string]bool{}
	for lifecycle.Sleep(ctx, retryInterval) == nil {
		for _, id := range published.Accepted() {
			if done[id] || receiver.KindOf(id) != receiver.Dead {
				continue
			}
			done[id] = r.call(ctx, id)
			if ctx.Err() != nil {
				return
			}
		}
	}
}

// call calls with the key of each customer, because the owner of the delivery is not known here. It reports whether the delivery is done.
func (r *retries) call(ctx context.Context, id string) (done bool) {
	for _, key := range r.keys {
		retry := audit.Retry{Delivery: id, Began: time.Now()}
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), retryTimeout)
		var ignored any
		status, err := load.Call(limited, r.client, r.url+load.Path+"/deliveries/"+id+"/retry", key, "", &ignored)
		cancel()
		retry.Ended, retry.Answered = time.Now(), status == http.StatusOK
		switch {
		case retry.Answered, err != nil, status >= http.StatusInternalServerError:
			r.mutex.Lock()
			r.calls = append(r.calls, retry)
			r.mutex.Unlock()
			return true // without an answer the retry may have been made
		case status == http.StatusBadRequest:
			return false // it has not failed yet
		}
	}
	return false
}

// made are the retries so far.
func (r *retries) made() []audit.Retry {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return append([]audit.Retry(nil), r.calls...)
}

// answered is how many of them the API confirmed.
func (r *retries) answered() (count int) {
	for _, retry := range r.made() {
		if retry.Answered {
			count++
		}
	}
	return count
}
